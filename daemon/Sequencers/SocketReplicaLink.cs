using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Sequencers;

/// <summary>A replica behind a connection, which other Loglets may share. Reconnects for ever, with growing pauses.</summary>
internal sealed class SocketReplicaLink : IReplicaLink
{
    private readonly int _index;
    private readonly ReplicaId _replica;
    private readonly Func<uint, CancellationToken, ValueTask<Connection>> _connect;
    private readonly SequencerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private IReplicaEvents? _events;
    private Task _loop = Task.CompletedTask;
    private Task _seal = Task.CompletedTask;

    public SocketReplicaLink(
        int index, ReplicaId replica, Func<uint, CancellationToken, ValueTask<Connection>> connect, SequencerOptions options, TimeProvider time, ILogger logger)
    {
        _index = index;
        _replica = replica;
        _connect = connect;
        _options = options;
        _time = time;
        _logger = logger;
    }

    public Connection? Connection { get; set; }

    public void Start(IReplicaEvents events)
    {
        _events = events;
        _loop = RunAsync(events);
    }

    public void SendStore(in Store message, RetainedPayload? payload)
    {
        if (Connection is not { } connection) return;
        if (payload is null)
        {
            connection.Enqueue(message);
            return;
        }

        payload.Retain();
        try
        {
            connection.Enqueue(message, payload);
        }
        catch (DelosProtocolException exception)
        {
            // A peer whose frames are limited to less than a batch: nothing can be stored there until its configuration is mended.
            _logger.StoreNotAccepted(_replica.NodeId, exception.Message);
            connection.Close(exception);
        }
    }

    public void SendConfirm(in Confirm message) => Connection?.Enqueue(message);

    public void SendGlobalTail(in GlobalTail message) => Connection?.Enqueue(message);

    public void SendSeal(in Seal message)
    {
        if (Connection is { } connection && _events is { } events && _seal.IsCompleted) _seal = SealAsync(connection, message, events);
    }

    public void Flush() => Connection?.Flush();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _seal.ConfigureAwait(false);
    }

    private async Task RunAsync(IReplicaEvents events)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var pause = _options.ReconnectMin;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var connection = await _connect(_replica.NodeId, _stopping.Token).ConfigureAwait(false);
                if (connection.Peer.DiskId != _replica.DiskId)
                {
                    // Another disk is another replica: it holds nothing of this Loglet and must not pretend to (trap 8).
                    _logger.ReplicaHasOtherDisk(_replica.NodeId, connection.Peer.DiskId, _replica.DiskId);
                    pause = _options.ReconnectMax;
                }
                else
                {
                    var since = _time.GetTimestamp();
                    events.OnConnected(_index, connection);
                    await UntilClosedAsync(connection).ConfigureAwait(false);
                    events.OnLost(_index);
                    if (_time.GetElapsedTime(since) > _options.ReconnectMax) pause = _options.ReconnectMin;
                }
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                // Whatever it was, the replica is out of reach for now, and trying again is all that can be done.
                _logger.ReplicaUnreachable(_replica.NodeId, exception.Message);
            }

            await Task.Delay(pause, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, _options.ReconnectMax.Ticks));
        }
    }

    private async Task UntilClosedAsync(Connection connection)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var onClosed = connection.Closed.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), closed);
        await using var onStopping = _stopping.Token.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), closed);
        await closed.Task.ConfigureAwait(false);
    }

    private async Task SealAsync(Connection connection, Seal message, IReplicaEvents events)
    {
        // Away from the caller's lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            using var response = await connection.RequestAsync(message, _stopping.Token).ConfigureAwait(false);
            if (response.TryRead<SealReply>(out var reply)) events.OnSealReply(_index, reply.Status);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The Loglet has ended meanwhile.
        }
        catch (Exception exception) when (exception is ConnectionLostException or DelosProtocolException)
        {
            // The core sends it again until a majority has answered.
            _logger.SealNotAnswered(_replica.NodeId, exception.Message);
        }
    }
}
