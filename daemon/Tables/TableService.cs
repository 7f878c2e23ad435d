using System.Collections.Concurrent;
using Delos.Client;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>
/// The role table on the wire: queries and proposals of clients, to the replica in this process. Without a replica, because it is not started yet or cannot be, everything is answered Unavailable, with the reason.
/// </summary>
internal sealed class TableService : IFrameHandler, IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<long, TableConnection> _connections = new();
    private readonly TableOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly RequestBudget _budget;
    private readonly ViewTable _views;
    private readonly WatchList<ReadRequest> _watches = new();
    private readonly AnswersToSend _answers = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _started;
    private volatile Serving? _serving;
    private volatile string _problem = "the role table is starting";
    private Task _housekeeping = Task.CompletedTask;

    public TableService(TableOptions options, TimeProvider timeProvider, ILogger logger)
    {
        _options = options;
        _timeProvider = timeProvider;
        _logger = logger;
        _budget = new RequestBudget(options);
        _views = new ViewTable(options.MaxViews, options.ViewTime);
        _started = timeProvider.GetTimestamp();
    }

    /// <summary>Requests in hand, and among them watches that wait.</summary>
    public (int Requests, int Watches, int Views) Load => (_budget.Requests, _budget.Watches, _views.Count);

    /// <summary>Why nothing is served; empty if a replica is attached.</summary>
    public string Problem => _serving is null ? _problem : "";

    /// <summary>From now on requests are served.</summary>
    /// <param name="runtime">Whose state machine tells <see cref="OnCommitted"/>.</param>
    /// <param name="queries">With the schemas of that state machine.</param>
    public void Attach(DelosRuntime runtime, TableQueries queries)
    {
        _serving = new Serving(runtime, new ReadRunner(runtime, queries, _options, _views, _watches, Now, _logger, _stopping.Token));
        _housekeeping = Task.WhenAll(FollowStateAsync(runtime), KeepHouseAsync());
    }

    /// <summary>There will be no replica before the next start of the node.</summary>
    public void Disable(string problem) => _problem = problem;

    /// <summary>The replica has committed a batch: its answers are sent, and who waits for changes of a table that it may have changed looks. On the apply loop.</summary>
    /// <param name="changed">Valid during the call.</param>
    public void OnCommitted(ChangedTables changed)
    {
        _answers.Flush();
        if (_watches.OnCommitted(changed) is { } waiting && _serving is { } serving) ThreadPool.UnsafeQueueUserWorkItem(static w => w.Reads.Again(w.waiting), (serving.Reads, waiting), preferLocal: false);
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        var served = _connections.GetOrAdd(connection.Id, static (_, c) => new TableConnection(c), connection);
        switch (frame.Type)
        {
            case FrameType.TableRead when frame.TryRead<TableRead>(out var read):
                OnRead(served, frame.CorrelationId, read);
                break;
            case FrameType.TablePropose when frame.TryRead<TablePropose>(out var propose) && propose.IsSound:
                OnPropose(served, frame.CorrelationId, propose);
                break;
            case FrameType.TableOpenSession when frame.TryRead<TableOpenSession>(out _):
                OnOpenSession(served, frame.CorrelationId);
                break;
            case FrameType.TableRelease when frame.TryRead<TableRelease>(out var release):
                _views.Release(release.Hold);
                break;
            default:
                connection.ReplyError(StatusCode.Malformed, $"a {frame.Type} whose metadata makes no sense", frame.CorrelationId);
                break;
        }
    }

    public void OnBatchEnd(Connection connection)
    {
        if (!_connections.TryGetValue(connection.Id, out var served)) return;
        FlushProposals(served);
        if (served.Batch.Count == 0) return;
        var batch = served.Batch;
        served.Batch = [];
        if (_serving is { } serving) serving.Reads.Begin(batch);
        else ReadRunner.Fail(batch, StatusCode.Unavailable, _problem);
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        if (!_connections.TryRemove(connection.Id, out var served)) return;

        // It may have ended in the middle of a receive: what was taken is carried out all the same.
        FlushProposals(served);
        foreach (var request in served.Batch) request.End();
        foreach (var request in _watches.Take(r => r.From == served)) request.End();
    }

    /// <summary>Nothing new is begun; who waits is told. The replica is its owner's to stop.</summary>
    public async ValueTask DisposeAsync()
    {
        _problem = "the node is stopping";
        _serving = null;
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _housekeeping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ReadRunner.Fail(_watches.Take(static _ => true), StatusCode.Unavailable, _problem);
        _views.Close();
    }

    private TimeSpan Now() => _timeProvider.GetElapsedTime(_started);

    private void OnRead(TableConnection served, ulong correlationId, in TableRead message)
    {
        if (!_budget.TryTake(served, message.Query.Length))
        {
            served.Connection.ReplyError(StatusCode.LimitExceeded, "too many requests are in hand; ask again later", correlationId);
            return;
        }

        if (TableQueryCodec.Decode(message.Query.Span, out var status) is { } query)
        {
            served.Batch.Add(new ReadRequest(_budget, served, correlationId, message, query, Now()));
            return;
        }

        _budget.Return(served, message.Query.Length);
        var why = status == TableStatus.UnsupportedCommand ? "the query is of a later version than this replica; upgrade it, then ask again" : "the bytes are no query";
        served.Connection.Reply(new TableReadReply(0, QueryReplyCodec.Encode(new QueryReply(status, why, SnapshotId.Empty, null))), correlationId);
    }

    private void OnPropose(TableConnection served, ulong correlationId, in TablePropose message)
    {
        if (_serving is not { } serving)
        {
            served.Connection.ReplyError(StatusCode.Unavailable, _problem, correlationId);
            return;
        }

        var size = message.Command.Length;
        if (size > serving.Runtime.MaxCommandBytes)
        {
            // As the tables would say if it could get to them.
            var refusal = Refusals.TooLarge($"the command has {size} bytes, an entry of the log takes at most {serving.Runtime.MaxCommandBytes}; split it");
            served.Connection.Reply(new TableProposeReply(ProposeOutcome.NotApplied, StatusCode.LimitExceeded, 0, refusal.Message, refusal.Encode()), correlationId);
            return;
        }

        if (!_budget.TryTake(served, size))
        {
            served.Connection.Reply(new TableProposeReply(ProposeOutcome.NotApplied, StatusCode.LimitExceeded, 0, "too many requests are in hand; try again later", default), correlationId);
            return;
        }

        served.HasProposals = true;
        serving.Runtime.EnqueueProposal(message.Session, message.Sequence, message.Floor, message.Command, new ProposeRequest(_budget, served, correlationId, size, _answers));
    }

    /// <summary>What one receive brought becomes one entry, if it fits.</summary>
    private void FlushProposals(TableConnection served)
    {
        if (!served.HasProposals) return;
        served.HasProposals = false;
        _serving?.Runtime.FlushProposals();
    }

    private void OnOpenSession(TableConnection served, ulong correlationId)
    {
        if (_serving is not { } serving) served.Connection.ReplyError(StatusCode.Unavailable, _problem, correlationId);
        else if (!_budget.TryTake(served, 0)) served.Connection.ReplyError(StatusCode.LimitExceeded, "too many requests are in hand; ask again later", correlationId);
        else _ = OpenSessionAsync(serving.Runtime, served, correlationId);
    }

    private async Task OpenSessionAsync(DelosRuntime runtime, TableConnection served, ulong correlationId)
    {
        try
        {
            var session = await runtime.OpenSessionAsync(_stopping.Token).ConfigureAwait(false);
            served.Connection.Reply(new TableOpenSessionReply(session.Id), correlationId);
        }
        catch (Exception e) when (e is DelosException or OperationCanceledException)
        {
            served.Connection.ReplyError(e is DelosException { Code: DelosErrorCode.LimitExceeded } ? StatusCode.LimitExceeded : StatusCode.Unavailable, e.Message, correlationId);
        }

        _budget.Return(served, 0);
        served.Connection.Flush();
    }

    /// <summary>A replica that leaves its store must not wait for views; what it holds then would not be the tables' state any more.</summary>
    private async Task FollowStateAsync(DelosRuntime runtime)
    {
        while (!_stopping.IsCancellationRequested)
        {
            var changed = runtime.Changed;
            if (runtime.Status.State != RuntimeState.Applying) LetGo();
            await changed.WaitAsync(_stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task KeepHouseAsync()
    {
        using var timer = new PeriodicTimer(s_tick, _timeProvider);
        while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
        {
            var now = Now();
            ReadRunner.End(_watches.Take(r => r.Deadline <= now));
            _views.Expire(now);

            // A view that was taken while the replica left its store.
            if (_serving is { } serving && serving.Runtime.Status.State != RuntimeState.Applying) LetGo();
        }
    }

    private void LetGo()
    {
        _views.Clear();
        ReadRunner.Fail(_watches.Take(static _ => true), StatusCode.Unavailable, "this replica does not follow the log at present; ask another");
    }

    private sealed record Serving(DelosRuntime Runtime, ReadRunner Reads);
}
