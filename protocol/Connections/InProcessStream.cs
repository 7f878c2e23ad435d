using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Delos.Protocol.Connections;

/// <summary>
/// One direction of a connection within the process. It has no buffer of its own, so that nothing has to bound one: bytes are copied once, from the writer's batch into the room of the reader's receive, by whichever of the two comes second.
/// A batch for which there is no room stays with the writer, in whose queue everything behind it gathers, and counts. Reading on goes through the thread pool, writing on happens on the reader's thread.
/// </summary>
/// <param name="writer">Told what becomes of a batch that had to wait; never with the lock held.</param>
internal sealed class InProcessStream(InProcessTransport writer) : IValueTaskSource<int>, IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ManualResetValueTaskSourceCore<int> _arrival;
    private int _arrived;
    private volatile bool _isArriving;

    // Under the lock.
    private Memory<byte> _room;
    private SendBatch? _unread;
    private bool _isAwaited;
    private bool _hasEnded;
    private bool _isDiscarding;
    private bool _isBroken;

    /// <summary>Completes when the writer has ended it.</summary>
    public Task Ended => _ended.Task;

    /// <summary>A batch waits for the reader, or bytes of one are in its room and it does not know it yet.</summary>
    public bool HasUnread => _isArriving || Volatile.Read(ref _unread) is not null;

    /// <summary>Bytes taken from the batch, 0 if nobody will ever read them; null if the batch waits for the reader.</summary>
    public long? Write(SendBatch batch)
    {
        int taken;
        lock (_lock)
        {
            if (_isBroken || _hasEnded) return 0;
            if (_isDiscarding) return batch.Length;
            if (!_isAwaited)
            {
                _unread = batch;
                return null;
            }

            taken = batch.CopyTo(_room.Span);
            EndWait();
        }

        Arrive(taken);
        return taken;
    }

    /// <summary>Reads once, at most what there is room for; 0 at the end. One at a time.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> room)
    {
        int taken;
        lock (_lock)
        {
            if (_isBroken || _isDiscarding) return new ValueTask<int>(0);
            if (_unread is not { } batch)
            {
                if (_hasEnded) return new ValueTask<int>(0);
                _arrival.Reset();
                _room = room;
                _isAwaited = true;
                return new ValueTask<int>(this, _arrival.Version);
            }

            taken = batch.CopyTo(room.Span);
            _unread = null;
        }

        writer.OnRead(taken);
        return new ValueTask<int>(taken);
    }

    /// <summary>By the writer: nothing more comes. A batch that waits is given up.</summary>
    public void End()
    {
        Stop(ref _hasEnded, SocketError.OperationAborted);
        _ended.TrySetResult();
    }

    /// <summary>By the reader: whatever still comes counts as sent and is thrown away.</summary>
    public void Discard() => Stop(ref _isDiscarding, SocketError.Success);

    /// <summary>By the reader: whoever still writes is told that the peer is gone.</summary>
    public void Break() => Stop(ref _isBroken, SocketError.ConnectionReset);

    void IThreadPoolWorkItem.Execute()
    {
        _isArriving = false;
        _arrival.SetResult(_arrived);
    }

    int IValueTaskSource<int>.GetResult(short token) => _arrival.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _arrival.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _arrival.OnCompleted(continuation, state, token, flags);

    private void Stop(ref bool flag, SocketError error)
    {
        SendBatch? unread;
        bool wasAwaited;
        lock (_lock)
        {
            if (flag) return;
            flag = true;
            unread = _unread;
            _unread = null;
            wasAwaited = _isAwaited;
            EndWait();
        }

        if (unread is not null) writer.OnEnded(error, error == SocketError.Success ? unread.Length : 0);
        if (wasAwaited) Arrive(0);
    }

    /// <summary>For all workers to take: the queue of the writer's own would wait until it is done with what it does, and that may be long.</summary>
    private void Arrive(int bytes)
    {
        _arrived = bytes;
        _isArriving = bytes > 0;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void EndWait()
    {
        _isAwaited = false;
        _room = default;
    }
}
