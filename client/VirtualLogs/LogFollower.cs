using System.Runtime.CompilerServices;
using Delos.Client.Loglets;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>Follows a VirtualLog across its segments, by a subscription of its own to each.</summary>
internal sealed class LogFollower(VirtualLog log, EntryDecoder decoder, DelosClientOptions options)
{
    /// <summary>Contiguous batches, from <paramref name="from"/> on, until cancelled.</summary>
    /// <exception cref="DelosException">Trimmed.</exception>
    public async IAsyncEnumerable<FollowedBatch> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var position = from;
        await log.Chains.GetAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            // Positions beyond the tail belong to no segment yet: they are awaited in the active one, and wherever it ends.
            var segment = log.Chains.Newest!.Find(position) ?? throw DelosException.Trimmed(position);
            var stop = segment.Stop - segment.Start;
            StatusCode? end = null;
            Exception? problem = null;
            var batches = log.Loglets.Get(segment.Loglet).SubscribeAsync(position - segment.Start, stop ?? long.MaxValue, stop, cancellationToken).GetAsyncEnumerator(cancellationToken);
            try
            {
                while (true)
                {
                    var entries = new List<LogEntry>();
                    var (first, bytes) = (position, 0);
                    try
                    {
                        if (!await batches.MoveNextAsync().ConfigureAwait(false)) break;
                        using var batch = batches.Current;
                        if (batch.Status != StatusCode.Ok)
                        {
                            // It brings nothing else; what it means is seen to before anybody hears of it.
                            end = batch.Status;
                            break;
                        }

                        if (batch.Count > 0)
                        {
                            entries.EnsureCapacity(batch.Count);
                            bytes = batch.Entries?.Length ?? 0;
                            decoder.Decode(segment, batch.First, batch.Entries, position, long.MaxValue, entries);
                            position = Math.Max(position, segment.Start + batch.First + batch.Count);
                        }
                    }
                    catch (Exception e) when (Patience.IsWorthRetrying(e, cancellationToken))
                    {
                        problem = e;
                        break;
                    }

                    yield return new FollowedBatch(first, segment.Loglet.Id, bytes, options.TimeProvider.GetTimestamp(), entries, position);
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
                    throw DelosException.Trimmed(position);
                case null when problem is null && stop is { } length:
                    var reached = position;
                    position = Math.Max(position, segment.Start + length);
                    yield return new FollowedBatch(reached, segment.Loglet.Id, 0, options.TimeProvider.GetTimestamp(), [], position);
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
}
