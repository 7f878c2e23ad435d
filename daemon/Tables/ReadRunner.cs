using Delos.Client;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>
/// Answers queries. Those of one receive that ask for the same freshness are answered from one state of the store, after one look at the log's tail, and sent together.
/// </summary>
/// <remarks>
/// Nothing is read from the store on a connection's read loop: what is not in memory waits for the disk, and with it would wait whatever else the connection brings, proposals and answers to pings among it. Few rows by key are looked
/// up one after the other where the state becomes known: that is on a thread of the pool once the log has named its tail, so they need no further one; what is answered from a state that is there already takes one work item
/// for the whole batch. All else, which takes longer, has a work item for each query.
/// </remarks>
internal sealed class ReadRunner(DelosRuntime runtime, TableQueries queries, TableOptions options, ViewTable views, WatchList<ReadRequest> watches, Func<TimeSpan> now, ILogger logger, CancellationToken stopping)
{
    /// <summary>A query for more rows than this by key does not hold up the others of its batch.</summary>
    private const int FewRows = 64;

    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(1);

    /// <summary>On the connection's read loop.</summary>
    public void Begin(List<ReadRequest> batch)
    {
        var first = batch[0].Level;
        if (batch.TrueForAll(r => r.Level == first && TableQueries.SnapshotOf(r.Query) is null))
        {
            Begin(batch, first);
            return;
        }

        var onViews = batch.FindAll(static r => TableQueries.SnapshotOf(r.Query) is not null);
        foreach (var level in batch.Except(onViews).GroupBy(static r => r.Level)) Begin([.. level], level.Key);
        if (onViews.Count > 0) ThreadPool.UnsafeQueueUserWorkItem(static work => work.Runner.RunOnViews(work.Requests), (Runner: this, Requests: onViews), preferLocal: false);
    }

    /// <summary>After a commit that may have changed their tables: who waited for changes looks again. On a thread of the pool.</summary>
    public void Again(List<ReadRequest> waiting)
    {
        if (runtime.Status.State == RuntimeState.Applying) _ = RunAsync(waiting, ReadLevel.Stale);
        else Fail(waiting, StatusCode.Unavailable, "this replica does not follow the log at present; ask another");
    }

    /// <summary>Their time is over: nothing came.</summary>
    public static void End(List<ReadRequest> waiting)
    {
        foreach (var request in waiting)
        {
            request.Answer(request.Latest!);
            request.Connection.Flush();
        }
    }

    public static void Fail(List<ReadRequest> requests, StatusCode code, string text)
    {
        foreach (var request in requests)
        {
            request.Fail(code, text);
            request.Connection.Flush();
        }
    }

    private void Begin(List<ReadRequest> requests, ReadLevel level)
    {
        if (level == ReadLevel.Linearizable) _ = RunAsync(requests, level);
        else ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Runner.RunAsync(work.Requests, work.Level), (Runner: this, Requests: requests, Level: level), preferLocal: false);
    }

    /// <summary>Of one connection.</summary>
    private void RunOnViews(List<ReadRequest> requests)
    {
        foreach (var request in requests)
        {
            var id = TableQueries.SnapshotOf(request.Query) ?? SnapshotId.Empty;
            if (views.Use(id, now()) is { } snapshot)
            {
                Hand(request, snapshot, watches.Commits);
                snapshot.Release();
            }
            else
            {
                request.Answer(new QueryReply(TableStatus.SnapshotExpired, "the snapshot that the query, its transaction or its paging token is bound to is not held by this node any more; begin anew from the present", id, null));
            }
        }

        requests[0].Connection.Flush();
    }

    /// <summary>Never fails.</summary>
    private async Task RunAsync(List<ReadRequest> requests, ReadLevel level)
    {
        var commits = watches.Commits;
        SharedSnapshot snapshot;
        try
        {
            // Not on this thread from here on, if it is a connection's: see DelosRuntime.ReadAsync.
            snapshot = await TakeAsync(level).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (e is not (DelosException or OperationCanceledException)) logger.TableReadFailed(e);
            var (code, text) = e switch
            {
                DelosException { Code: DelosErrorCode.LimitExceeded } => (StatusCode.LimitExceeded, e.Message),
                DelosException or LocalStoreException => (StatusCode.Unavailable, e.Message),
                OperationCanceledException => (StatusCode.Unavailable, "the node is stopping"),
                _ => (StatusCode.Internal, e.Message),
            };
            Fail(requests, code, text);
            return;
        }

        foreach (var request in requests) Hand(request, snapshot, commits);
        snapshot.Release();
        foreach (var request in requests) request.Connection.Flush();
    }

    private async ValueTask<SharedSnapshot> TakeAsync(ReadLevel level)
    {
        var store = await runtime.ReadAsync(level, stopping).ConfigureAwait(false);
        try
        {
            return new SharedSnapshot(store);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Answers, or has it answered by another thread. The reference to the snapshot stays the caller's.</summary>
    private void Hand(ReadRequest request, SharedSnapshot snapshot, long commits)
    {
        if (request.Query is GetRows { Keys.Count: <= FewRows })
        {
            Answer(request, snapshot, commits);
            return;
        }

        snapshot.Retain();
        ThreadPool.UnsafeQueueUserWorkItem(
            static work =>
            {
                work.Runner.Answer(work.Request, work.Snapshot, work.Commits);
                work.Snapshot.Release();
                work.Request.Connection.Flush();
            },
            (Runner: this, Request: request, Snapshot: snapshot, Commits: commits),
            preferLocal: true);
    }

    private void Answer(ReadRequest request, SharedSnapshot snapshot, long commits)
    {
        if (request.Connection.IsClosed)
        {
            request.End();
            return;
        }

        // Who does not read its answers gets no more of them.
        if (request.Connection.QueuedBytes > options.MaxQueuedBytes)
        {
            request.Fail(StatusCode.LimitExceeded, "answers wait to be read on this connection; ask again later");
            return;
        }

        try
        {
            var reply = queries.Execute(snapshot.Store, request.Query);
            if (!TryWait(request, reply, commits)) request.Answer(reply, Hold(request, snapshot, reply));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            logger.TableReadFailed(e);
            request.Fail(StatusCode.Internal, $"the query failed: {e.Message}");
        }
    }

    /// <summary>Whether the request is answered later.</summary>
    private bool TryWait(ReadRequest request, QueryReply reply, long commits)
    {
        if (reply.Result is not ChangesResult { Changes.Count: 0, More: false } nothing || request.Deadline - now() < s_shortestWait) return false;
        if (!request.TryWait(reply, nothing.Through))
        {
            request.Fail(StatusCode.LimitExceeded, "too many watches wait at this node; ask again later, or another one");
            return true;
        }

        if (watches.TryAdd(((ReadChanges)request.Query).Table, request, commits)) return true;
        Again([request]);
        return true;
    }

    /// <summary>The hold that the answer leaves behind; 0: none. Whoever reads a view has one, or another's does.</summary>
    private ulong Hold(ReadRequest request, SharedSnapshot snapshot, QueryReply reply)
    {
        var isWanted = request.Hold == TableHold.Always || (request.Hold == TableHold.Pages && reply.Result is RowsResult { Token.Length: > 0 });
        return isWanted && reply.IsOk && TableQueries.SnapshotOf(request.Query) is null ? views.Hold(request.Connection.Id, snapshot, now()) : 0;
    }
}
