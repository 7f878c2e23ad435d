using System.Runtime.CompilerServices;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Reads and follows a VirtualLog across its segments. What it reads is bounded by an installed stop, or by a tail that was reported while the Loglet was open (DESIGN §3, LogServer rule 4).
/// </summary>
internal sealed class LogReader(VirtualLog log, LogOptions logOptions, DelosClientOptions options)
{
    /// <summary>The lowest position that can still be read.</summary>
    public async ValueTask<long> FirstPositionAsync(CancellationToken cancellationToken)
    {
        var patience = log.Patience("firstPosition");
        while (true)
        {
            try
            {
                var tail = await log.CheckTailAsync(cancellationToken).ConfigureAwait(false);
                var chain = await log.TryRefreshAsync(cancellationToken).ConfigureAwait(false);
                foreach (var segment in chain.Segments)
                {
                    var length = (segment.Stop ?? Math.Max(tail, segment.Start)) - segment.Start;
                    if (length == 0) continue;
                    using var read = await log.Loglets.Get(segment.Loglet).ReadNextAsync(0, 1, length, 1, cancellationToken).ConfigureAwait(false);
                    if (read.Status == StatusCode.Deleted) throw new LogletException(segment.Loglet.Id, StatusCode.Deleted, "deleted");
                    if (read.Status != StatusCode.Trimmed) return segment.Start;
                    if (read.TrimPoint < length) return segment.Start + read.TrimPoint;
                }

                return tail;
            }
            catch (Exception e) when (Patience.IsWorthRetrying(e, cancellationToken))
            {
                await patience.PauseAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public async IAsyncEnumerable<LogEntry> ReadAsync(long from, long until, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var chain = await log.Chains.GetAsync(cancellationToken).ConfigureAwait(false);
        if (until > chain.Active.Start)
        {
            until = Math.Min(until, await log.CheckTailAsync(cancellationToken).ConfigureAwait(false));
            chain = log.Chains.Newest!;
        }

        var patience = log.Patience("read");
        var position = from;
        var entries = new List<LogEntry>();
        await using var ahead = new ReadAhead(config => log.Loglets.Get(config), options.ReadBytes, cancellationToken);
        while (position < until)
        {
            var segment = chain.Find(position) ?? throw Trimmed(position);
            Exception? problem = null;
            try
            {
                position = await ReadSomeAsync(ahead, segment, position, until, entries).ConfigureAwait(false);
                patience.Progressed();
            }
            catch (Exception e) when (Patience.IsWorthRetrying(e, cancellationToken))
            {
                problem = e;
            }

            if (problem is not null)
            {
                log.Logger.ReadRetried(log.Name, position, problem.Message);
                await patience.PauseAsync(problem, cancellationToken).ConfigureAwait(false);
                chain = await log.TryRefreshAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            foreach (var entry in entries) yield return entry;
            entries.Clear();
        }
    }

    public async IAsyncEnumerable<LogEntry> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var batch in FollowBatchesAsync(from, cancellationToken).ConfigureAwait(false))
        {
            foreach (var entry in batch.Entries) yield return entry;
        }
    }

    public async IAsyncEnumerable<LogBatch> FollowBatchesAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var position = from;
        await log.Chains.GetAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            // Positions beyond the tail belong to no segment yet: they are awaited in the active one, and wherever it ends.
            var segment = log.Chains.Newest!.Find(position) ?? throw Trimmed(position);
            var stop = segment.Stop - segment.Start;
            StatusCode? end = null;
            Exception? problem = null;
            var batches = log.Loglets.Get(segment.Loglet).SubscribeAsync(position - segment.Start, stop ?? long.MaxValue, stop, cancellationToken).GetAsyncEnumerator(cancellationToken);
            try
            {
                while (end is null)
                {
                    var entries = new List<LogEntry>();
                    try
                    {
                        if (!await batches.MoveNextAsync().ConfigureAwait(false)) break;
                        using var batch = batches.Current;
                        if (batch.Count > 0)
                        {
                            entries.EnsureCapacity(batch.Count);
                            Decode(segment, batch.First, batch.Entries, position, long.MaxValue, entries);
                            position = Math.Max(position, segment.Start + batch.First + batch.Count);
                        }

                        if (batch.Status != StatusCode.Ok) end = batch.Status;
                    }
                    catch (Exception e) when (Patience.IsWorthRetrying(e, cancellationToken))
                    {
                        problem = e;
                        break;
                    }

                    yield return new LogBatch(entries, position);
                }
            }
            finally
            {
                await batches.DisposeAsync().ConfigureAwait(false);
            }

            switch (end)
            {
                case StatusCode.Sealed when stop is null:
                    // What lies below the tail, but was not announced before the seal, is read once the chain says where the segment stops.
                    await log.Chains.AwaitSuccessorAsync(segment, "sealed", isSealed: true, cancellationToken).ConfigureAwait(false);
                    break;
                case StatusCode.Trimmed:
                    throw Trimmed(position);
                case null when problem is null && stop is { } length:
                    position = Math.Max(position, segment.Start + length);
                    yield return new LogBatch([], position);
                    break;
                default:
                    problem ??= new LogletException(segment.Loglet.Id, end ?? StatusCode.Unavailable, $"the subscription ended with {end}");
                    log.Logger.ReadRetried(log.Name, position, problem.Message);
                    // A follower waits for as long as it takes: that is its job.
                    await Task.Delay(TimeSpan.FromMilliseconds(20), options.TimeProvider, cancellationToken).ConfigureAwait(false);
                    await log.TryRefreshAsync(cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    private static DelosException Trimmed(long position) => new(DelosErrorCode.Trimmed, $"Position {position} has been trimmed.");

    /// <summary>One read of one Loglet; returns where to go on.</summary>
    private async ValueTask<long> ReadSomeAsync(ReadAhead ahead, Segment segment, long position, long until, List<LogEntry> entries)
    {
        var bound = (segment.Stop is { } stop ? stop : until) - segment.Start;
        var max = Math.Min(until - segment.Start, bound);
        using var read = await ahead.ReadAsync(segment.Loglet, position - segment.Start, max, bound).ConfigureAwait(false);
        switch (read.Status)
        {
            case StatusCode.Ok when read.Count == 0:
                return segment.Start + max;
            case StatusCode.Ok:
                Decode(segment, read.First, read.Entries, position, until, entries);
                return segment.Start + read.First + read.Count;
            case StatusCode.Trimmed:
                throw Trimmed(position);
            default:
                throw new LogletException(segment.Loglet.Id, read.Status, $"the read was answered with {read.Status}");
        }
    }

    private void Decode(Segment segment, long first, RetainedPayload? payload, long from, long until, List<LogEntry> entries)
    {
        var position = segment.Start + first;
        var copies = new PayloadCopies(payload?.Length ?? 0);
        using var cursor = new EntryCursor(payload);
        for (; cursor.MoveNext(); position++)
        {
            if (position < from || position >= until) continue;
            if (cursor.Header.Kind == EntryKind.Data || (cursor.Header.Kind == EntryKind.Deleted && logOptions.ShowDeleted))
                entries.Add(new LogEntry(position, copies.Copy(cursor.Payload), cursor.Header.Id, cursor.Header.Kind));
        }

        Metrics.EntriesRead.Add(entries.Count);
    }
}
