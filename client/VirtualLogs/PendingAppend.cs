using System.Threading.Tasks.Sources;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// One append of an application: what the Loglet carries, where it stands, and the awaitable that the caller holds. Pooled; back in the pool when the caller has its result <i>and</i> the log is done with it,
/// which are two moments when the caller cancels; one of a batch, whose caller holds the batch, when the log is done with it.
/// </summary>
internal sealed class PendingAppend(Appender owner) : AppendOp, IValueTaskSource<long>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<long> _core;
    private CancellationTokenRegistration _cancellation;
    private int _holders;
    private int _answered;
    private long _result;
    private Exception? _error;
    private PendingBatch? _batch;
    private int _index;

    public AppendLifecycle Lifecycle { get; } = new();

    public override AppendClient Client => owner.Client;

    /// <summary>The caller's bytes, while the append waits for room and is not encoded yet.</summary>
    public ReadOnlyMemory<byte> Waiting { get; set; }

    /// <summary>Empty, from an earlier life: for the next entry.</summary>
    public RetainedPayload? Spare { get; set; }

    /// <summary>Bytes that it counts for in the handle's limit.</summary>
    public int Size { get; set; }

    /// <summary>The caller has its answer already: it cancelled.</summary>
    public bool IsAnswered => _batch is { } batch ? batch.IsCancelled : Volatile.Read(ref _answered) != 0;

    /// <summary>Makes a pooled object ready for its next life.</summary>
    public ValueTask<long> Begin(CancellationToken cancellationToken)
    {
        _core.Reset();
        _holders = 2;
        _error = null;
        Volatile.Write(ref _answered, 0);
        var task = new ValueTask<long>(this, _core.Version);
        if (cancellationToken.CanBeCanceled) _cancellation = cancellationToken.UnsafeRegister(static (state, token) => ((PendingAppend)state!).Cancel(token), this);
        return task;
    }

    /// <summary>Makes a pooled object ready for a life as one of a batch, which answers the caller for all of them.</summary>
    public void Begin(PendingBatch batch, int index)
    {
        _batch = batch;
        _index = index;
        _holders = 1;
    }

    public override void OnCompleted(StatusCode status, long position) => owner.OnCompleted(this, status, position);

    /// <summary>The log is done with it: answer the caller, if it still waits. True: nobody holds it any more, and whoever called this recycles it.</summary>
    public bool Finish(long position, Exception? error)
    {
        if (_batch is { } batch)
        {
            _batch = null;
            batch.OnAnswered(_index, position, error);
            return true;
        }

        if (TryAnswer(position, error)) Deliver();
        LetGo();
        return false;
    }

    public long GetResult(short token)
    {
        // Waits for a cancellation that is running: nothing of this life may touch the next one.
        _cancellation.Dispose();
        _cancellation = default;
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            LetGo();
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IThreadPoolWorkItem.Execute() => SetResult();

    private void Cancel(CancellationToken token)
    {
        if (TryAnswer(-1, new OperationCanceledException("The append was cancelled; unless it was still waiting for room, it may be in the log all the same.", token))) Deliver();
    }

    private bool TryAnswer(long position, Exception? error)
    {
        if (Interlocked.Exchange(ref _answered, 1) != 0) return false;
        _result = position;
        _error = error;
        return true;
    }

    private void Deliver()
    {
        if (owner.InlineContinuations) SetResult();
        else ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void SetResult()
    {
        if (_error is { } error) _core.SetException(error);
        else _core.SetResult(_result);
    }

    /// <summary>One of the two holders is done with it.</summary>
    public void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) != 0) return;
        _batch = null;
        owner.Recycle(this);
    }
}
