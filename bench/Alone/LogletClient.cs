using System.Security.Cryptography;
using System.Threading.Tasks.Sources;
using Delos.Bench.Peers;
using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Bench.Alone;

/// <summary>Appends to a Loglet itself, without the VirtualLog above: no ring, no limits, no successor when it is sealed. Batches as the log handle does, so that only those are the difference.</summary>
internal sealed class LogletClient : AppendClient, IPeerClient, IThreadPoolWorkItem
{
    private readonly ILoglet _loglet;
    private readonly IAsyncDisposable _connections;
    private readonly EntryEncoder _encoder = new();
    private readonly Stack<Operation> _pool = new();
    private readonly Lock _lock = new();
    private ulong _lastSequence;
    private int _underWay;
    private int _flushQueued;

    /// <param name="loglet">The caller's no more.</param>
    /// <param name="connections">Disposed with it.</param>
    public LogletClient(ILoglet loglet, IAsyncDisposable connections)
        : base(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)))
    {
        _loglet = loglet;
        _connections = connections;
    }

    public ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        ValueTask<long> answer;
        bool isIdle;
        lock (_lock)
        {
            if (!_pool.TryPop(out var operation)) operation = new Operation(this);
            operation.Sequence = ++_lastSequence;
            operation.Entry = _encoder.Encode(operation.Id, payload.Span, RetainedPayload.Create());
            answer = operation.Begin();
            isIdle = _underWay++ == 0;
            _loglet.Append(operation);
        }

        if (isIdle) _loglet.Flush();
        else if (Interlocked.Exchange(ref _flushQueued, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return answer;
    }

    public ValueTask<long> ReadAsync() => throw new NotSupportedException("Only appends are compared.");

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _flushQueued, 0);
        _loglet.Flush();
    }

    public async ValueTask DisposeAsync()
    {
        await _loglet.DisposeAsync().ConfigureAwait(false);
        await _connections.DisposeAsync().ConfigureAwait(false);
        _encoder.Dispose();
    }

    private sealed class Operation(LogletClient owner) : AppendOp, IValueTaskSource<long>
    {
        private ManualResetValueTaskSourceCore<long> _core = new() { RunContinuationsAsynchronously = true };

        public override AppendClient Client => owner;

        public ValueTask<long> Begin()
        {
            _core.Reset();
            return new ValueTask<long>(this, _core.Version);
        }

        public override void OnCompleted(StatusCode status, long position)
        {
            Entry!.Release();
            Entry = null;
            lock (owner._lock)
            {
                owner._underWay--;

                // Answers come in order, as long as nothing fails; then this benchmark ends.
                owner.Floor = Math.Max(owner.Floor, Sequence + 1);
            }

            if (status == StatusCode.Ok) _core.SetResult(position);
            else _core.SetException(new PeerException($"An append to the Loglet ended with {status}."));
        }

        public long GetResult(short token)
        {
            try
            {
                return _core.GetResult(token);
            }
            finally
            {
                lock (owner._lock) owner._pool.Push(this);
            }
        }

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);
    }
}
