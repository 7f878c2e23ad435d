using System.Runtime.CompilerServices;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Reads a VirtualLog across its segments. What it reads is bounded by an installed stop, or by a tail that was reported while the Loglet was open (DESIGN §3, LogServer rule 4).
/// </summary>
internal sealed class LogReader(VirtualLog log, EntryDecoder decoder, DelosClientOptions options)
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
            var segment = chain.Find(position) ?? throw DelosException.Trimmed(position);
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
                decoder.Decode(segment, read.First, read.Entries, position, until, entries);
                Metrics.EntriesRead.Add(entries.Count);
                return segment.Start + read.First + read.Count;
            case StatusCode.Trimmed:
                throw DelosException.Trimmed(position);
            default:
                throw new LogletException(segment.Loglet.Id, read.Status, $"the read was answered with {read.Status}");
        }
    }
}
