using System.Runtime.CompilerServices;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// The followers of one handle. Each begins by itself; from the second on those that are near each other, mostly at the tail, share a subscription, so that what readers of one process cost the log and its LogServers does not
/// grow with their number. Who falls behind goes on by itself and joins again when it has caught up. Thread-safe.
/// </summary>
internal sealed class FollowerGroup(VirtualLog log, LogFollower follower, DelosClientOptions options)
{
    /// <summary>Bytes that are kept for the slower ones: a few tens of milliseconds at the rate that a log carries.</summary>
    private const long WindowBytes = 8 << 20;

    private readonly Lock _lock = new();
    private SharedSubscription? _shared;
    private int _followers;

    /// <summary>See <see cref="DelosLog.FollowBatchesAsync"/>.</summary>
    public async IAsyncEnumerable<LogBatch> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _followers);
        SharedSubscription? joined = null;
        try
        {
            var position = from;
            while (true)
            {
                await foreach (var batch in follower.FollowAsync(position, cancellationToken).ConfigureAwait(false))
                {
                    position = batch.Next;
                    Metrics.EntriesRead.Add(batch.Batch.Entries.Count);
                    yield return batch.Batch;

                    // Who waits for what is still far off has not come anywhere yet.
                    if (batch.Next == batch.First) continue;
                    joined = TryJoin(position, out var replaced);
                    if (replaced is not null) await replaced.EndAsync().ConfigureAwait(false);
                    if (joined is not null) break;
                }

                while (await joined!.NextAsync(position, cancellationToken).ConfigureAwait(false) is { } batch)
                {
                    if (!IsCurrent(batch, position))
                    {
                        await joined.EndAsync().ConfigureAwait(false);
                        break;
                    }

                    var rest = batch.From(position);
                    position = batch.Next;
                    Metrics.EntriesRead.Add(rest.Entries.Count);
                    yield return rest;
                }

                var left = joined;
                joined = null;
                await LeaveAsync(left).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _followers);
            if (joined is not null) await LeaveAsync(joined).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Who begins by himself at a position reads from the Loglet that the newest chain names there; who has a batch that was kept must do no worse, else he could be shown an entry after he knew that it was edited.
    /// </summary>
    private bool IsCurrent(FollowedBatch batch, long position) => log.Chains.Newest!.Find(position)?.Loglet.Id == batch.Loglet;

    /// <param name="position">Where the caller goes on.</param>
    /// <param name="replaced">One that the caller must end: those who share it are far behind.</param>
    private SharedSubscription? TryJoin(long position, out SharedSubscription? replaced)
    {
        replaced = null;
        if (Volatile.Read(ref _followers) < 2) return null;

        // A Loglet that is not in the chain any more is deleted after a while: who begins by himself may read of it what was edited for as long, and no longer.
        var since = options.TimeProvider.GetTimestamp() - (long)(options.DeleteGrace.TotalSeconds * options.TimeProvider.TimestampFrequency);
        lock (_lock)
        {
            if (_shared is null || _shared.IsOver || _shared.IsFarBehind(position))
            {
                replaced = _shared;
                _shared = new SharedSubscription(log.Name, position, token => follower.FollowAsync(position, token), WindowBytes, log.Logger);
            }

            return _shared.TryJoin(position, since) ? _shared : null;
        }
    }

    private ValueTask LeaveAsync(SharedSubscription left)
    {
        lock (_lock)
        {
            if (left.TryLeave()) return ValueTask.CompletedTask;
            if (ReferenceEquals(_shared, left)) _shared = null;
        }

        return left.EndAsync();
    }
}
