using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>Feeds <see cref="AppendResolver"/> with the entries of a stopped segment: one pass for all appends that were parked in it.</summary>
internal static class AppendScan
{
    /// <summary>Resolves every one of <paramref name="parked"/>; tries until it succeeds or is cancelled.</summary>
    /// <param name="log">Its newest chain has given the segment a stop, or dropped the segment.</param>
    /// <param name="old">The segment in which they are parked, as it was when they were sent.</param>
    /// <param name="clientId">Of the handle.</param>
    /// <param name="parked">In sequence order.</param>
    /// <param name="readBytes">About how much to read at once.</param>
    /// <param name="cancellationToken">Ends it; what is not resolved stays parked.</param>
    public static async ValueTask ResolveAsync(VirtualLog log, Segment old, ulong clientId, List<AppendLifecycle> parked, int readBytes, CancellationToken cancellationToken)
    {
        if (log.Chains.Newest!.FindEnded(old) is not { } segment)
        {
            // Truncated away with everything in it.
            foreach (var append in parked) append.OnTrimmed();
            Report(log, old, parked);
            return;
        }

        var resolver = new AppendResolver(segment, clientId, parked);
        var position = resolver.From;
        while (!resolver.IsDone && position < resolver.To)
        {
            try
            {
                using var read = await log.Loglets.Get(segment.Loglet).ReadNextAsync(position, resolver.To, segment.Stop!.Value - segment.Start, readBytes, cancellationToken).ConfigureAwait(false);
                switch (read.Status)
                {
                    case StatusCode.Ok when read.Count == 0:
                        position = resolver.To;
                        break;
                    case StatusCode.Ok:
                        Feed(resolver, read);
                        position = read.First + read.Count;
                        break;
                    case StatusCode.Trimmed:
                        position = Math.Max(position + 1, read.TrimPoint);
                        resolver.OnTrimmed(position);
                        break;
                    default:
                        throw new LogletException(segment.Loglet.Id, read.Status, $"the read was answered with {read.Status}");
                }
            }
            catch (Exception e) when (Patience.IsWorthRetrying(e, cancellationToken))
            {
                // Resolving takes as long as it takes: an answer without it would be a guess.
                log.Logger.ReadRetried(log.Name, segment.Start + position, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(10), cancellationToken).ConfigureAwait(false);
                var chain = await log.TryRefreshAsync(cancellationToken).ConfigureAwait(false);
                if (chain.FindEnded(old) is { } again)
                {
                    segment = again;
                }
                else
                {
                    resolver.OnTrimmed(resolver.To);
                    position = resolver.To;
                }
            }
        }

        resolver.OnEnd();
        Report(log, segment, parked);
    }

    private static void Feed(AppendResolver resolver, in ReadResult read)
    {
        using var cursor = new EntryCursor(read.Entries);
        for (var position = read.First; cursor.MoveNext(); position++) resolver.OnEntry(position, cursor.Header.Id);
    }

    private static void Report(VirtualLog log, Segment segment, List<AppendLifecycle> parked)
    {
        Metrics.AppendsResolved.Add(parked.Count);
        log.Logger.AppendsResolved(
            log.Name, parked.Count, segment.Start, segment.Stop ?? -1,
            parked.Count(static a => a.State == AppendState.Done), parked.Count(static a => a.State == AppendState.Ready), parked.Count(static a => a.State == AppendState.Failed));
    }
}
