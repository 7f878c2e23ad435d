using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;

namespace Delos.Daemon.Storage;

/// <summary>Those who wait for an address to become durable. Completions run on the thread pool, never on the I/O thread.</summary>
internal sealed class DurableWaiters
{
    private readonly Lock _lock = new();
    private readonly Queue<Waiter> _queue = new();
    private readonly ObjectPool<Waiter> _pool = new DefaultObjectPool<Waiter>(new Policy());
    private long _durable;
    private Exception? _failure;

    public ValueTask Wait(long address, long durable, Exception? failure)
    {
        if (address <= durable) return ValueTask.CompletedTask;
        lock (_lock)
        {
            if (address <= _durable) return ValueTask.CompletedTask;
            failure ??= _failure;
            if (failure is not null) return ValueTask.FromException(failure);
            var waiter = _pool.Get();
            waiter.Start(this, address);
            _queue.Enqueue(waiter);
            return new ValueTask(waiter, waiter.Version);
        }
    }

    public void Complete(long durable)
    {
        lock (_lock)
        {
            _durable = durable;

            // Almost always in order; whoever waits for less behind one who waits for more, waits with him.
            while (_queue.TryPeek(out var waiter) && waiter.Address <= durable) _queue.Dequeue().SetResult();
        }
    }

    public void Fail(Exception reason)
    {
        lock (_lock)
        {
            _failure = reason;
            while (_queue.TryDequeue(out var waiter)) waiter.SetException(reason);
        }
    }

    private sealed class Waiter : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
        private DurableWaiters? _owner;

        public long Address { get; private set; }

        public short Version => _core.Version;

        public void Start(DurableWaiters owner, long address)
        {
            _owner = owner;
            Address = address;
        }

        public void SetResult() => _core.SetResult(true);

        public void SetException(Exception reason) => _core.SetException(reason);

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

        public void GetResult(short token)
        {
            try
            {
                _core.GetResult(token);
            }
            finally
            {
                _core.Reset();
                _owner?._pool.Return(this);
            }
        }
    }

    private sealed class Policy : PooledObjectPolicy<Waiter>
    {
        public override Waiter Create() => new();

        public override bool Return(Waiter obj) => true;
    }
}
