using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>Follows a Loglet by subscriptions, one replica after the other as they fail or fall behind.</summary>
internal sealed class LogletFollower(ReplicaSet replicas, ReplicaReader reader, LogletFrameRouter router, LogletOptions options, TimeProvider time, ILogger logger)
{
    public async IAsyncEnumerable<EntryBatch> FollowAsync(long min, long max, long? stop, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var end = Math.Min(max, stop ?? long.MaxValue);
        var next = min;
        var delay = TimeSpan.Zero;
        while (next < end)
        {
            if (delay > TimeSpan.Zero) await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            delay = TimeSpan.FromTicks(Math.Clamp(delay.Ticks * 2, options.RetryDelay.Ticks, options.MaxRetryDelay.Ticks));
            var replica = reader.Preferred;
            if (await OpenAsync(replica, next, max, stop, cancellationToken).ConfigureAwait(false) is not { } subscription)
            {
                reader.Avoid(replica);
                continue;
            }

            using (subscription)
            {
                while (next < end)
                {
                    if (await NextAsync(subscription, replica, next, cancellationToken).ConfigureAwait(false) is not { } batch) break;
                    if (batch.Status is StatusCode.Sealed or StatusCode.Trimmed or StatusCode.Deleted)
                    {
                        yield return batch with { First = next };
                        yield break;
                    }

                    if (batch.Count > 0)
                    {
                        next = batch.First + batch.Count;
                        delay = TimeSpan.Zero;
                    }

                    var bytes = batch.Entries?.Length ?? 0;
                    yield return batch;
                    if (next < end) subscription.Grant(bytes);
                }
            }

            if (next < end) reader.Avoid(replica);
        }
    }

    /// <summary>The next usable batch; null if this subscription is over and another replica must go on.</summary>
    private async ValueTask<EntryBatch?> NextAsync(LogletSubscription subscription, int replica, long next, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (!subscription.Batches.TryRead(out var batch))
                {
                    using var limit = new TimeLimit(options.SubscriptionProbe, time, cancellationToken);
                    batch = await subscription.Batches.ReadAsync(limit.Token).ConfigureAwait(false);
                }

                switch (batch.Status)
                {
                    case StatusCode.Ok when batch.Count == 0:
                        batch.Entries?.Release();
                        return batch with { First = next, Entries = null };
                    case StatusCode.Ok when batch.First == next && EntryCursor.AreIntact(batch.Entries, batch.Count):
                    case StatusCode.Sealed or StatusCode.Trimmed or StatusCode.Deleted:
                        return batch;
                    default:
                        batch.Dispose();
                        Moved(replica, batch.Status == StatusCode.Ok ? "its entries are not what was asked for, or damaged" : batch.Status.ToString());
                        return null;
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Nothing came for a while. It may be cut off from the sequencer: see whether another one has heard of more.
                // What came meanwhile, here as there, is no reason to go.
                if (!await AnotherHasMoreAsync(replica, next, cancellationToken).ConfigureAwait(false) || subscription.Batches.TryPeek(out _)) continue;
                Moved(replica, "another replica has more");
                return null;
            }
            catch (ChannelClosedException exception)
            {
                Moved(replica, exception.InnerException?.Message ?? "it ended");
                return null;
            }
        }
    }

    private async ValueTask<LogletSubscription?> OpenAsync(int replica, long next, long max, long? stop, CancellationToken cancellationToken)
    {
        using var limit = new TimeLimit(options.RequestTimeout, time, cancellationToken);
        try
        {
            var connection = await replicas.ConnectAsync(replica, limit.Token).ConfigureAwait(false);
            return new LogletSubscription(router, connection, new Subscribe(replicas.Config.Id, next, max, stop ?? -1, (uint)options.SubscriptionCredit));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Moved(replica, exception.Message);
            return null;
        }
    }

    private async ValueTask<bool> AnotherHasMoreAsync(int replica, long next, CancellationToken cancellationToken)
    {
        for (var i = 1; i < replicas.Count; i++)
        {
            try
            {
                var other = (replica + i) % replicas.Count;
                var status = await replicas.AskAsync<Status, StatusReply>(other, new Status(replicas.Config.Id), cancellationToken).ConfigureAwait(false);
                if (status.Status == StatusCode.Deleted || (status.Status == StatusCode.Ok && (status.GlobalTail > next || status.IsSealed))) return true;
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                Moved(replica, exception.Message);
            }
        }

        return false;
    }

    private void Moved(int replica, string reason) => logger.SubscriptionMoves(replicas.Config.Id, replicas.Config.Replicas[replica].NodeId, reason);
}
