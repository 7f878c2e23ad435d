using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>
/// The sending half of a connection. Any thread enqueues; one at a time sends: the first that flushes sends on its own thread while the transport accepts, and goes on from
/// the transport's completion otherwise. The lock guards the queue only; it is never held while sending, releasing or calling anybody.
/// </summary>
internal sealed class FrameSender : IThreadPoolWorkItem
{
    /// <summary>Bytes that a flushing thread sends on others' behalf before the thread pool takes over, so that a busy peer cannot keep a read loop busy sending.</summary>
    private const long InlineBudget = 1 << 20;

    private readonly Lock _lock = new();
    private readonly ConnectionTransport _transport;
    private readonly SendQueue _queue;
    private readonly long _maxQueuedBytes;
    private readonly Action<Exception> _failed;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Counter<long> _bytesSent;

    private SendBatch? _batch;
    private long _queuedBytes;
    private long _inlineBytes;
    private bool _sending;
    private bool _refusing;
    private bool _stopped;

    /// <param name="failed">Called without any lock held, at most a few times, when sending became impossible or the queue overflowed.</param>
    public FrameSender(ConnectionTransport transport, ConnectionOptions options, Action<Exception> failed)
    {
        _transport = transport;
        _queue = new SendQueue(options.Pool, options.CopyThreshold);
        _maxQueuedBytes = options.MaxQueuedBytes;
        _failed = failed;
        _bytesSent = transport.IsInProcess ? Metrics.BytesInProcess : Metrics.BytesSent;
        transport.SendCompleted = OnCompleted;
    }

    public long QueuedBytes => Volatile.Read(ref _queuedBytes);

    /// <summary>Completes once nothing is or will be sent any more, after <see cref="Stop"/> or <see cref="Finish"/>.</summary>
    public Task Finished => _finished.Task;

    public bool Enqueue<T>(in T message, RetainedPayload payload, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        long queued;
        lock (_lock)
        {
            queued = _refusing ? -1 : Interlocked.Add(ref _queuedBytes, _queue.Add(message, payload, correlationId, flags, version));
        }

        if (queued < 0) payload.Release();
        return Check(queued);
    }

    public bool Enqueue<T>(in T message, ReadOnlySpan<byte> payload, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        long queued;
        lock (_lock)
        {
            queued = _refusing ? -1 : Interlocked.Add(ref _queuedBytes, _queue.Add(message, payload, correlationId, flags, version));
        }

        return Check(queued);
    }

    public void Flush()
    {
        lock (_lock)
        {
            if (_sending || _stopped || _queue.IsEmpty) return;
            _sending = true;
            _batch = _queue.Take();
        }

        _inlineBytes = 0;
        SendAll();
    }

    /// <summary>Takes no more; what is queued is still sent.</summary>
    public void Finish()
    {
        lock (_lock) _refusing = true;
        Flush();
        CompleteIfDone();
    }

    /// <summary>Takes no more and drops what is queued; what is being sent ends with the transport's shutdown.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            if (_stopped) return;
            _refusing = _stopped = true;
            if (!_sending) Drop();
        }

        CompleteIfDone();
    }

    void IThreadPoolWorkItem.Execute()
    {
        _inlineBytes = 0;
        SendAll();
    }

    private bool Check(long queued)
    {
        if (queued > _maxQueuedBytes) _failed(new ConnectionLostException($"The peer does not read: {queued} bytes are queued for it, {_maxQueuedBytes} are allowed."));
        return queued >= 0;
    }

    private void OnCompleted()
    {
        _inlineBytes = 0;
        if (Sent()) SendAll();
    }

    private void SendAll()
    {
        while (true)
        {
            if (_batch!.Count == 0 && !NextBatch()) return;
            if (_inlineBytes > InlineBudget)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            if (Volatile.Read(ref _stopped))
            {
                Abandon();
                return;
            }

            try
            {
                if (_transport.Send(_batch)) return;
            }
            catch (ObjectDisposedException)
            {
                Abandon();
                return;
            }

            if (!Sent()) return;
        }
    }

    /// <summary>Books what the last call sent; false, with everything released, if it failed.</summary>
    private bool Sent()
    {
        var (error, sent) = (_transport.SendError, _transport.BytesSent);
        if (error != SocketError.Success || sent == 0)
        {
            Abandon();
            _failed(new ConnectionLostException($"Sending failed: {error}.", new SocketException((int)error)));
            return false;
        }

        _inlineBytes += sent;
        Interlocked.Add(ref _queuedBytes, -sent);
        _bytesSent.Add(sent);
        _batch!.Advance(sent);
        return true;
    }

    private bool NextBatch()
    {
        lock (_lock)
        {
            _queue.GiveBack(_batch!);
            _batch = null;
            if (!_queue.IsEmpty && !_stopped)
            {
                _batch = _queue.Take();
                return true;
            }

            _sending = false;
            if (_stopped) Drop();
        }

        CompleteIfDone();
        return false;
    }

    private void Abandon()
    {
        _batch!.ReleaseRest();
        lock (_lock)
        {
            _queue.GiveBack(_batch);
            _batch = null;
            _refusing = _stopped = true;
            _sending = false;
            Drop();
        }

        CompleteIfDone();
    }

    private void Drop()
    {
        _queue.Dispose();
        Volatile.Write(ref _queuedBytes, 0);
    }

    private void CompleteIfDone()
    {
        lock (_lock)
        {
            if (!_refusing || _sending || !_queue.IsEmpty) return;
            _stopped = true;
            Drop();
        }

        _finished.TrySetResult();
    }
}
