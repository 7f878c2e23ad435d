using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>
/// Pushes entries to subscribers. Those that keep up are served where the news arises (the commit round, or the read loop of the sequencer's connection): what they get mostly is in memory, and no thread
/// has to be woken. Those that catch up, and crowds (<see cref="CrowdTurns"/>), are served by the read workers.
/// </summary>
internal sealed class SubscriptionPump(LogServerOptions options, TimeProvider time, ILogger logger)
{
    private const int ChunksInPlace = 1;
    private const int ChunksPerTurn = 16;

    /// <summary>Set once, before the first subscription: hears of each that ended.</summary>
    public Action<Subscription> Ended { get; set; } = static _ => { };

    /// <summary>Set once, before the first subscription: posts to the read workers; false if they are overloaded.</summary>
    public Func<Subscription, bool> PostToWorkers { get; set; } = static _ => false;

    /// <summary>Set once, before the first subscription: posts a turn of a replica's crowd to the read workers; false if they are overloaded.</summary>
    public Func<Replica, bool> PostTurnToWorkers { get; set; } = static _ => false;

    /// <summary>Something may have become readable, or the replica ended. Not under the replica's lock.</summary>
    public void Wake(Replica replica)
    {
        if (replica.Subscriptions.Length == 0 || !replica.TakeNews(out var subscriptions)) return;
        if (subscriptions.Length >= options.SubscribersInCrowd) CrowdOf(replica).Ask(subscriptions.Length);
        else Serve(subscriptions);
    }

    /// <summary>On a worker: a turn of the replica's crowd.</summary>
    public void RunCrowd(Replica replica)
    {
        var crowd = CrowdOf(replica);
        crowd.Began();
        try
        {
            Serve(replica.Subscriptions);
        }
        finally
        {
            crowd.Ended();
        }
    }

    public void Wake(Subscription subscription, bool inPlace)
    {
        lock (subscription.Replica.Gate)
        {
            if (!subscription.TryStart()) return;
            inPlace &= subscription.IsCaughtUp;
        }

        try
        {
            if (!inPlace || !Run(subscription, ChunksInPlace)) Post(subscription);
        }
        catch (Exception exception)
        {
            // One subscriber's failure must end neither the disk's thread nor the sequencer's connection.
            logger.PushFailed(exception, subscription.Replica.Id);
            subscription.Connection.Close(exception);
        }
    }

    /// <summary>On a worker.</summary>
    public void RunTurn(Subscription subscription)
    {
        if (!Run(subscription, ChunksPerTurn)) Post(subscription);
    }

    private void Serve(Subscription[] subscriptions)
    {
        foreach (var subscription in subscriptions) Wake(subscription, inPlace: true);
    }

    private CrowdTurns CrowdOf(Replica replica)
    {
        if (replica.Crowd is { } known) return known;
        lock (replica.Gate) return replica.Crowd ??= new CrowdTurns(time, options.CrowdPushInterval, () => PostTurn(replica));
    }

    private void PostTurn(Replica replica)
    {
        if (PostTurnToWorkers(replica)) return;
        lock (replica.Gate)
        {
            foreach (var subscription in replica.Subscriptions) subscription.Miss();
        }

        CrowdOf(replica).Ended();
    }

    private void Post(Subscription subscription)
    {
        if (PostToWorkers(subscription)) return;
        lock (subscription.Replica.Gate) subscription.Stall();
    }

    /// <summary>False: there is more to push than <paramref name="chunks"/>.</summary>
    private bool Run(Subscription subscription, int chunks)
    {
        var replica = subscription.Replica;
        var connection = subscription.Connection;
        while (true)
        {
            PushStep step;
            long globalTail;
            lock (replica.Gate)
            {
                step = subscription.IsEnded || connection.IsClosed
                    ? new PushStep(PushAction.Complete, StatusCode.Ok)
                    : subscription.Plan(replica.Core, options.MaxPushBytes, options.MaxQueuedPushBytes);
                globalTail = replica.Core.GlobalTail;
                if (step.Action == PushAction.Wait)
                {
                    if (!subscription.IsGreeted)
                    {
                        subscription.IsGreeted = true;
                        connection.Enqueue(new Entries(StatusCode.Ok, subscription.Next, 0, globalTail), subscription.CorrelationId);
                    }

                    if (subscription.MustGoOn()) continue;
                    break;
                }
            }

            if (step.Action != PushAction.Push)
            {
                Finish(subscription, step, globalTail);
                break;
            }

            if (chunks-- == 0)
            {
                connection.Flush();
                return false;
            }

            var status = Push(subscription, step, globalTail);
            if (status == StatusCode.Ok) continue;
            if (status == StatusCode.Lagging)
            {
                // Committed, but not durable here, and no longer in memory. Who has only come may as well go to another replica.
                lock (replica.Gate)
                {
                    if (replica.AwaitDurable(step.From)) continue;
                    if (subscription.IsGreeted)
                    {
                        if (subscription.MustGoOn()) continue;
                        break;
                    }
                }
            }

            Finish(subscription, new PushStep(PushAction.End, status), globalTail);
            break;
        }

        connection.Flush();
        return true;
    }

    private StatusCode Push(Subscription subscription, PushStep step, long globalTail)
    {
        var replica = subscription.Replica;
        var maxBytes = Math.Min(step.MaxBytes, subscription.Connection.Peer.Limits.MaxFrameBytes - ReadServer.FrameRoom);
        var status = replica.ReadEntries(step.From, step.To, step.Durable, maxBytes, out var result);
        if (status != StatusCode.Ok || result.Payload is not { } payload) return status == StatusCode.Ok ? StatusCode.Internal : status;
        if (payload.Length > subscription.Connection.Peer.Limits.MaxFrameBytes - ReadServer.FrameRoom)
        {
            payload.Release();
            return StatusCode.LimitExceeded;
        }

        lock (replica.Gate) subscription.Pushed(result.Count, payload.Length);
        Metrics.BytesPushed.Add(payload.Length);
        subscription.Connection.Enqueue(new Entries(StatusCode.Ok, step.From, (uint)result.Count, globalTail), payload, subscription.CorrelationId);
        return StatusCode.Ok;
    }

    private void Finish(Subscription subscription, PushStep step, long globalTail)
    {
        lock (subscription.Replica.Gate) subscription.End();
        if (step.Action == PushAction.End) subscription.Connection.Enqueue(new Entries(step.Status, subscription.Next, 0, globalTail), subscription.CorrelationId);
        Ended(subscription);
    }
}
