using System.Threading.Channels;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>Answers reads (rule 4) on a few workers of its own: they may block on the disk, which no connection's read loop may.</summary>
internal sealed class ReadServer : IAsyncDisposable
{
    /// <summary>Of the peer's largest frame, what is kept for header and metadata.</summary>
    public const int FrameRoom = 256;

    private readonly LogServerOptions _options;
    private readonly SubscriptionPump _pump;
    private readonly ILogger _logger;
    private readonly Channel<Job> _queue;
    private readonly Task[] _workers;

    public ReadServer(LogServerOptions options, SubscriptionPump pump, ILogger logger)
    {
        _options = options;
        _pump = pump;
        _logger = logger;
        _queue = Channel.CreateBounded<Job>(new BoundedChannelOptions(options.MaxQueuedReads) { FullMode = BoundedChannelFullMode.Wait });
        pump.PostToWorkers = subscription => _queue.Writer.TryWrite(new Job(subscription.Replica, null, 0, default, subscription));
        pump.PostTurnToWorkers = replica => _queue.Writer.TryWrite(new Job(replica, null, 0, default, null));
        _workers = [.. Enumerable.Range(0, options.ReadWorkers).Select(_ => WorkAsync())];
    }

    public void Read(Replica replica, Connection connection, ulong correlationId, in Read message)
    {
        if (!_queue.Writer.TryWrite(new Job(replica, connection, correlationId, message, null)))
        {
            connection.ReplyError(StatusCode.Unavailable, "Too many reads are waiting for the disk.", correlationId);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAll(_workers).ConfigureAwait(false);
    }

    private async Task WorkAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var reader = _queue.Reader;
        while (await reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (reader.TryRead(out var job)) Run(job);
        }
    }

    private void Run(in Job job)
    {
        try
        {
            if (job.Subscription is { } subscription) _pump.RunTurn(subscription);
            else if (job.Connection is { } connection) Answer(job, connection);
            else _pump.RunCrowd(job.Replica);
        }
        catch (Exception exception)
        {
            // One read's failure must not end the worker: the others would wait for ever.
            _logger.ReadFailed(exception, job.Replica.Id);
            (job.Connection ?? job.Subscription?.Connection)?.Close(exception);
        }
    }

    private void Answer(in Job job, Connection connection)
    {
        if (connection.IsClosed) return;
        var replica = job.Replica;
        var message = job.Message;
        ReadDecision decision;
        long globalTail, trimPoint;
        lock (replica.Gate)
        {
            decision = replica.Core.AdmitRead(message.Min, message.Max, message.Bound, message.ForRepair);
            globalTail = replica.Core.GlobalTail;
            trimPoint = replica.Core.TrimPoint;
        }

        var status = decision.Status;
        if (status == StatusCode.Ok && decision.End > message.Min)
        {
            var room = connection.Peer.Limits.MaxFrameBytes - FrameRoom;
            var maxBytes = (int)Math.Min(Math.Min(message.MaxBytes, (uint)_options.MaxReadBytes), (uint)room);
            status = replica.ReadEntries(message.Min, decision.End, decision.End, maxBytes, out var result);
            if (status == StatusCode.Ok && result.Payload is { } payload)
            {
                if (payload.Length <= room)
                {
                    Metrics.BytesRead.Add(payload.Length);
                    connection.Reply(new ReadReply(StatusCode.Ok, message.Min, (uint)result.Count, globalTail, trimPoint), payload, job.CorrelationId);
                    connection.Flush();
                    return;
                }

                payload.Release();
                status = StatusCode.LimitExceeded;
            }
            else if (status == StatusCode.Trimmed)
            {
                lock (replica.Gate) trimPoint = replica.Core.TrimPoint;
            }
        }

        connection.Reply(new ReadReply(status, message.Min, 0, globalTail, trimPoint), job.CorrelationId);
        connection.Flush();
    }

    /// <summary>A read, a subscription's turn, or with neither connection nor subscription that of a replica's crowd.</summary>
    private readonly record struct Job(Replica Replica, Connection? Connection, ulong CorrelationId, Read Message, Subscription? Subscription);
}
