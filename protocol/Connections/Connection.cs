using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>
/// One multiplexed connection to a peer. A read loop hands frames to the <see cref="IFrameHandler"/>; any thread may enqueue and flush, also from within handlers of other
/// connections: no lock is held while a handler runs or a socket is called. Made by <see cref="Connector"/> and <see cref="Listener"/>.
/// </summary>
public sealed class Connection : IPausable, IAsyncDisposable
{
    /// <summary>Receives in a row without a wait after which the loop lets other connections have the thread.</summary>
    private const int MaxReceivesInARow = 32;

    private static long s_lastId;

    private readonly Lock _closeLock = new();
    private readonly ConnectionTransport _transport;
    private readonly ConnectionOptions _options;
    private readonly HandshakeSide _side;
    private readonly FrameSender _sender;
    private readonly FrameReceiver _receiver;
    private readonly FrameReceiver.FrameAction _onFrame;
    private readonly PauseGate _gate = new();
    private readonly RequestTable _requests = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly ITimer _timer;
    private readonly long _startTimestamp;
    private readonly Action<Connection>? _finished;

    private IFrameHandler? _handler;
    private Heartbeat? _heartbeat;
    private Task _loop = Task.CompletedTask;
    private Exception? _reason;
    private volatile ConnectionState _state;
    private long _receivedAt;

    internal Connection(ConnectionTransport transport, ConnectionOptions options, HandshakeSide side, Action<Connection>? finished = null)
    {
        Id = Interlocked.Increment(ref s_lastId);
        _transport = transport;
        _options = options;
        _side = side;
        _finished = finished;
        Closed = _closed.Token;
        _sender = new FrameSender(transport, options, Close);
        _receiver = new FrameReceiver(transport, options);
        _onFrame = OnFrame;
        _startTimestamp = _receivedAt = options.TimeProvider.GetTimestamp();
        _timer = WithoutContext(() => options.TimeProvider.CreateTimer(static state => ((Connection)state!).OnTimer(), this, options.HelloTimeout, Timeout.InfiniteTimeSpan));
    }

    private enum ConnectionState
    {
        Open,

        /// <summary>Takes nothing more; what is queued is still sent.</summary>
        Finishing,

        Closed,
    }

    /// <summary>Unique in this process.</summary>
    public long Id { get; }

    /// <summary>Who is at the other end; known before the handler sees the connection.</summary>
    public PeerInfo Peer { get; private set; } = PeerInfo.Unknown;

    public EndPoint? RemoteEndPoint => _transport.RemoteEndPoint;

    public EndPoint? LocalEndPoint => _transport.LocalEndPoint;

    /// <summary>The peer is in this process, and no socket is in between (<see cref="InProcessRoute"/>).</summary>
    public bool IsInProcess => _transport.IsInProcess;

    /// <summary>The handler's own object for this connection.</summary>
    public object? State { get; set; }

    /// <summary>Bytes enqueued and not yet taken by the kernel, or by the peer if it is in this process.</summary>
    public long QueuedBytes => _sender.QueuedBytes;

    public bool IsClosed => _state != ConnectionState.Open;

    /// <summary>Why it is closed; null while it is open, and if it was closed here without a reason.</summary>
    public Exception? CloseReason => _reason;

    /// <summary>Cancelled when the connection is closed, just before <see cref="IFrameHandler.OnClosed"/>.</summary>
    public CancellationToken Closed { get; }

    /// <summary>Completes when the connection is closed and everything that it held is released. Never fails.</summary>
    public Task Completion => _loop;

    /// <summary>
    /// Queues a frame: never blocks, never sends (see <see cref="Flush"/>). False, and nothing queued, after the connection was closed.
    /// Throws <see cref="DelosProtocolException"/> with LimitExceeded if the peer does not accept frames of that size.
    /// </summary>
    public bool Enqueue<T>(in T message, ulong correlationId = 0, FrameFlags flags = FrameFlags.None)
        where T : struct, IMessage<T> => Enqueue(message, ReadOnlySpan<byte>.Empty, correlationId, flags);

    /// <summary><inheritdoc cref="Enqueue{T}(in T, ulong, FrameFlags)"/> Takes over one reference of <paramref name="payload"/>, whatever the result.</summary>
    public bool Enqueue<T>(in T message, RetainedPayload payload, ulong correlationId = 0, FrameFlags flags = FrameFlags.None)
        where T : struct, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(payload);
        try
        {
            CheckSize(message, payload.Length);
        }
        catch
        {
            payload.Release();
            throw;
        }

        if (_state == ConnectionState.Open) return _sender.Enqueue(message, payload, correlationId, flags, Peer.ProtocolVersion);
        payload.Release();
        return false;
    }

    /// <summary><inheritdoc cref="Enqueue{T}(in T, ulong, FrameFlags)"/> Copies <paramref name="payload"/>.</summary>
    public bool Enqueue<T>(in T message, ReadOnlySpan<byte> payload, ulong correlationId = 0, FrameFlags flags = FrameFlags.None)
        where T : struct, IMessage<T>
    {
        CheckSize(message, payload.Length);
        return _state == ConnectionState.Open && _sender.Enqueue(message, payload, correlationId, flags, Peer.ProtocolVersion);
    }

    /// <summary>Queues the answer to the request with that correlation id. Never throws: a peer that asked for more than it accepts is disconnected, and not the trouble of whoever answers.</summary>
    public bool Reply<T>(in T message, ulong correlationId)
        where T : struct, IMessage<T>
    {
        if (TooLarge(message, 0) is not { } reason) return Enqueue(message, correlationId, FrameFlags.Reply);
        Close(reason);
        return false;
    }

    /// <summary><inheritdoc cref="Reply{T}(in T, ulong)"/> Takes over one reference of <paramref name="payload"/>.</summary>
    public bool Reply<T>(in T message, RetainedPayload payload, ulong correlationId)
        where T : struct, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (TooLarge(message, payload.Length) is not { } reason) return Enqueue(message, payload, correlationId, FrameFlags.Reply);
        payload.Release();
        Close(reason);
        return false;
    }

    /// <summary>Queues an Error frame as the answer: the requester gets a <see cref="DelosProtocolException"/>.</summary>
    public bool ReplyError(StatusCode code, string text, ulong correlationId) => Reply(new Error(code, text), correlationId);

    /// <summary>
    /// Starts sending what is queued, if nobody is sending already: on this thread as long as the transport accepts at once, never blocking. Errors close the connection.
    /// </summary>
    public void Flush() => _sender.Flush();

    /// <summary>
    /// Sends a request and waits for its reply. Fails with <see cref="DelosProtocolException"/> if the peer answers with an Error frame, <see cref="ConnectionLostException"/> if
    /// the connection is or gets closed, <see cref="OperationCanceledException"/> if cancelled; a reply that comes later is dropped. Await the result exactly once.
    /// </summary>
    public ValueTask<Response> RequestAsync<TRequest>(in TRequest message, CancellationToken cancellationToken = default)
        where TRequest : struct, IMessage<TRequest> => RequestAsync(message, ReadOnlySpan<byte>.Empty, cancellationToken);

    /// <inheritdoc cref="RequestAsync{TRequest}(in TRequest, CancellationToken)"/>
    public ValueTask<Response> RequestAsync<TRequest>(in TRequest message, ReadOnlySpan<byte> payload, CancellationToken cancellationToken = default)
        where TRequest : struct, IMessage<TRequest>
    {
        var task = EnqueueRequestAsync(message, payload, cancellationToken);
        Flush();
        return task;
    }

    /// <summary>As <see cref="RequestAsync{TRequest}(in TRequest, ReadOnlySpan{byte}, CancellationToken)"/>, but the request is only queued: whoever has several flushes once.</summary>
    public ValueTask<Response> EnqueueRequestAsync<TRequest>(in TRequest message, ReadOnlySpan<byte> payload, CancellationToken cancellationToken = default)
        where TRequest : struct, IMessage<TRequest>
    {
        CheckSize(message, payload.Length);
        if (_requests.Begin(cancellationToken) is not { } request) return ValueTask.FromException<Response>(RequestTable.Lost(_reason));

        // From here on the request may be completed at any moment, and its object is the awaiter's.
        var task = request.Task;
        Enqueue(message, payload, request.Id);
        return task;
    }

    /// <summary><inheritdoc cref="RequestAsync{TRequest}(in TRequest, CancellationToken)"/> Takes over one reference of <paramref name="payload"/>.</summary>
    public ValueTask<Response> RequestAsync<TRequest>(in TRequest message, RetainedPayload payload, CancellationToken cancellationToken = default)
        where TRequest : struct, IMessage<TRequest>
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (_requests.Begin(cancellationToken) is not { } request)
        {
            payload.Release();
            return ValueTask.FromException<Response>(RequestTable.Lost(_reason));
        }

        var task = request.Task;
        var id = request.Id;
        try
        {
            Enqueue(message, payload, id);
        }
        catch (DelosProtocolException exception)
        {
            _requests.Fail(id, exception);
        }

        Flush();
        return task;
    }

    /// <summary>Stops receiving once the frames received already are handled: back-pressure through TCP, or at once within the process. Each pause needs its own <see cref="ResumeReading"/>.</summary>
    public void PauseReading() => _gate.Pause();

    /// <summary>Takes back one <see cref="PauseReading"/>.</summary>
    public void ResumeReading() => _gate.Resume();

    /// <summary>Closes at once and drops what is queued. The first reason counts. Returns immediately; <see cref="IFrameHandler.OnClosed"/> follows from the read loop.</summary>
    public void Close(Exception? reason = null)
    {
        lock (_closeLock)
        {
            if (_state == ConnectionState.Closed) return;
            if (_state == ConnectionState.Open) _reason = reason;
            _state = ConnectionState.Closed;
        }

        _sender.Stop();
        _transport.Shutdown(SocketShutdown.Both);
        _gate.Open();
    }

    /// <summary>Closes after what is queued was sent, within the linger timeout.</summary>
    public void CloseWhenSent(Exception? reason = null)
    {
        if (!TryBeginFinishing(reason)) return;
        Flush();
        _transport.Shutdown(SocketShutdown.Receive);
        _gate.Open();
    }

    /// <summary>Closes and waits until everything is released.</summary>
    public async ValueTask DisposeAsync()
    {
        Close();
        await _loop.ConfigureAwait(false);
    }

    public override string ToString() => $"connection {Id} to {Peer} at {RemoteEndPoint}";

    /// <summary>Starts the read loop.</summary>
    internal void Start() => _loop = WithoutContext(RunAsync);

    internal void Establish(PeerInfo peer, Func<Connection, IFrameHandler> handlerFor)
    {
        Peer = peer;
        _handler = handlerFor(this);
        Metrics.Connections.Add(1, Metrics.Transport(IsInProcess));
        _options.Logger.ConnectionEstablished(Id, peer.ToString(), RemoteEndPoint);
        _heartbeat = new Heartbeat(_options.HeartbeatInterval, _options.HeartbeatTimeout, Now());
        if (_options.HeartbeatInterval > TimeSpan.Zero) _timer.Change(_options.HeartbeatInterval, Timeout.InfiniteTimeSpan);
        else _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private TimeSpan Now() => _options.TimeProvider.GetElapsedTime(_startTimestamp);

    private void CheckSize<T>(in T message, int payloadLength)
        where T : struct, IMessage<T>
    {
        if (TooLarge(message, payloadLength) is { } reason) throw reason;
    }

    private DelosProtocolException? TooLarge<T>(in T message, int payloadLength)
        where T : struct, IMessage<T>
    {
        var length = (long)FrameHeader.Size + message.Size + payloadLength;
        return length <= Peer.Limits.MaxFrameBytes ? null : new DelosProtocolException(StatusCode.LimitExceeded, $"A {T.Type} frame of {length} bytes exceeds what {Peer} accepts: {Peer.Limits.MaxFrameBytes}.");
    }

    private async Task RunAsync()
    {
        try
        {
            await ReceiveAllAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            Close(new ConnectionLostException($"Receiving from {Peer} failed: {exception.Message}", exception));
        }
        catch (Exception exception)
        {
            _options.Logger.HandlerFailed(exception, Id, Peer.ToString());
            Refuse(new Error(StatusCode.Internal, "The node failed to handle a frame; its log says more."), exception);
        }

        await _timer.DisposeAsync().ConfigureAwait(false);
        _requests.Close(_reason);
        ReportClosed();
        if (_state == ConnectionState.Finishing) await LingerAsync().ConfigureAwait(false);
        Close();
        _transport.Close();
        await _sender.Finished.ConfigureAwait(false);
        _transport.Dispose();
        _receiver.Complete();
        _finished?.Invoke(this);
    }

    private async ValueTask ReceiveAllAsync()
    {
        var inARow = 0;
        while (_state == ConnectionState.Open)
        {
            if (_gate.IsPaused) await _gate.WaitAsync().ConfigureAwait(false);
            var receive = _receiver.ReceiveAsync();
            inARow = receive.IsCompleted ? inARow + 1 : 0;
            var received = await receive.ConfigureAwait(false);
            if (received == 0)
            {
                if (_state == ConnectionState.Open) Close(new ConnectionLostException(_receiver.IsInsideFrame ? $"{Peer} closed the connection inside a frame." : $"{Peer} closed the connection."));
                return;
            }

            Volatile.Write(ref _receivedAt, _options.TimeProvider.GetTimestamp());
            _receiver.Received(received);
            var goOn = _receiver.Handle(_onFrame, out var any);
            if (any && _handler is { } handler && _state == ConnectionState.Open) handler.OnBatchEnd(this);
            if (!goOn && _state == ConnectionState.Open)
            {
                Metrics.ProtocolErrors.Add(1);
                Refuse(new Error(_receiver.Parser.Error, _receiver.Parser.ErrorText), null);
            }

            Flush();
            if (inARow >= MaxReceivesInARow)
            {
                inARow = 0;
                await Task.Yield();
            }
        }
    }

    /// <summary>False: stop, the connection is closing.</summary>
    private bool OnFrame(in Frame frame)
    {
        if (_handler is not { } handler) return OnFirstFrame(frame);
        switch (frame.Type)
        {
            case FrameType.Ping:
                Enqueue(default(Pong));
                break;
            case FrameType.Pong:
                break;
            case FrameType.Error when !frame.IsReply:
                Close(PeerError(frame));
                break;
            case FrameType.Hello or FrameType.HelloReply:
                Metrics.ProtocolErrors.Add(1);
                Refuse(new Error(StatusCode.Malformed, "A second handshake on one connection."), null);
                break;
            default:
                if (!frame.IsReply || !_requests.TryComplete(frame)) handler.OnFrame(this, frame);
                break;
        }

        return _state == ConnectionState.Open;
    }

    private bool OnFirstFrame(in Frame frame)
    {
        if (frame.Type == FrameType.Error)
        {
            Close(PeerError(frame));
            return false;
        }

        if (_side.OnFirstFrame(this, frame) is not { } refusal) return true;
        Metrics.ProtocolErrors.Add(1);
        Refuse(refusal, null);
        return false;
    }

    private DelosProtocolException PeerError(in Frame frame) => frame.TryRead<Error>(out var error)
        ? new DelosProtocolException(error.Code, $"{RemoteEndPoint} refused: {error.Text}")
        : new DelosProtocolException(StatusCode.Malformed, $"{RemoteEndPoint} sent an Error frame that makes no sense.");

    /// <summary>From the read loop: tells the peer why, and ends.</summary>
    private void Refuse(in Error error, Exception? cause)
    {
        if (_state != ConnectionState.Open) return;
        _options.Logger.ConnectionRefused(Id, RemoteEndPoint, error.Text);
        Enqueue(error);
        TryBeginFinishing(new DelosProtocolException(error.Code, error.Text, cause));
    }

    private bool TryBeginFinishing(Exception? reason)
    {
        lock (_closeLock)
        {
            if (_state != ConnectionState.Open) return false;
            _reason = reason;
            _state = ConnectionState.Finishing;
            return true;
        }
    }

    private void ReportClosed()
    {
        _options.Logger.ConnectionClosed(Id, Peer.ToString(), RemoteEndPoint, _reason?.Message ?? "closed here");
        try
        {
            _closed.Cancel();
            if (_handler is null)
            {
                _side.OnFailed(_reason ?? RequestTable.Lost(null));
                return;
            }

            Metrics.Connections.Add(-1, Metrics.Transport(IsInProcess));
            _handler.OnClosed(this, _reason);
        }
        catch (Exception exception)
        {
            _options.Logger.HandlerFailed(exception, Id, Peer.ToString());
        }
    }

    /// <summary>Sends what is queued, ends the stream, and waits until the peer ends it too.</summary>
    private async Task LingerAsync()
    {
        using var timeout = new CancellationTokenSource(_options.LingerTimeout, _options.TimeProvider);
        _sender.Finish();
        try
        {
            await _sender.Finished.WaitAsync(timeout.Token).ConfigureAwait(false);
            await _transport.LingerAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            _options.Logger.ConnectionClosed(Id, Peer.ToString(), RemoteEndPoint, $"without waiting for the peer's end: {exception.Message}");
        }
    }

    /// <summary>Without the caller's execution context: an Activity of whoever dialled must not live as long as the connection.</summary>
    private static T WithoutContext<T>(Func<T> begin)
    {
        if (ExecutionContext.IsFlowSuppressed()) return begin();
        using (ExecutionContext.SuppressFlow()) return begin();
    }

    private void OnTimer()
    {
        if (_state != ConnectionState.Open) return;
        if (_heartbeat is not { } heartbeat)
        {
            Close(new ConnectionLostException($"No handshake with {RemoteEndPoint} within {_options.HelloTimeout.TotalSeconds} s."));
            return;
        }

        // The handshake's timer, which came just when the handshake was over.
        if (_options.HeartbeatInterval == TimeSpan.Zero) return;
        var received = _options.TimeProvider.GetElapsedTime(_startTimestamp, Volatile.Read(ref _receivedAt));
        switch (heartbeat.Tick(Now(), received, _transport.HasUnread, _gate.IsPaused))
        {
            case HeartbeatAction.SendPing:
                if (Enqueue(default(Ping))) Flush();
                break;
            case HeartbeatAction.Close:
                Metrics.HeartbeatsMissed.Add(1);
                Close(new ConnectionLostException($"{Peer} at {RemoteEndPoint} was silent for {heartbeat.Silence.TotalSeconds:0.000} s.") { IsSilence = true });
                return;
            default:
                break;
        }

        _timer.Change(heartbeat.Next, Timeout.InfiniteTimeSpan);
    }
}
