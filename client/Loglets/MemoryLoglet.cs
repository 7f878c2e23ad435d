using System.Runtime.CompilerServices;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Client.Loglets;

/// <summary>
/// A Loglet inside this process, for tests and for trying things out: nothing is durable. Appends complete inside <see cref="Flush"/>. Faults: <see cref="MemoryLogletFaults"/>.
/// </summary>
public sealed class MemoryLoglet : ILoglet, IMemoryAppender
{
    private readonly MemoryLogletCore _core;
    private readonly Lock _lock = new();
    private readonly Queue<AppendOp> _queued = new();
    private readonly Lock _outcomes = new();
    private readonly AppendCompletions _completions;
    private readonly Watermark _knownTail = new();
    private bool _draining;
    private volatile bool _disposed;

    internal MemoryLoglet(LogletConfig config, MemoryLogletCore core)
    {
        Config = config;
        _core = core;
        _completions = new AppendCompletions(_outcomes, NullLogger.Instance);
    }

    public LogletConfig Config { get; }

    public long KnownTail => _knownTail.Value;

    /// <summary>Raised by <see cref="RaiseSequencerLost"/> only.</summary>
    public event Action<ILoglet>? SequencerLost;

    /// <summary>For tests of what an owner does about it.</summary>
    public void RaiseSequencerLost() => SequencerLost?.Invoke(this);

    public void Append(AppendOp op)
    {
        ArgumentNullException.ThrowIfNull(op);
        lock (_lock) _queued.Enqueue(op);
    }

    public void Flush()
    {
        // One drains at a time, so that two flushing threads keep the order; what a completion appends is drained by the loop that it runs in.
        lock (_lock)
        {
            if (_draining) return;
            _draining = true;
        }

        while (true)
        {
            AppendOp? op;
            lock (_lock)
            {
                if (!_queued.TryDequeue(out op))
                {
                    _draining = false;
                    break;
                }
            }

            if (_disposed) Add(op, StatusCode.Unavailable, -1);
            else _core.Append(op, this);
        }

        _completions.Deliver();
    }

    public ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var result = _core.CheckTail();
        if (!result.IsSealed) _knownTail.Raise(result.Tail);
        return ValueTask.FromResult(result);
    }

    public async ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var changed = _core.Changed;
            var result = _core.Fill(upTo);
            if (!result.IsSealed) _knownTail.Raise(result.Tail);
            if (result.IsSealed || result.Tail >= upTo) return result;
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(_core.Read(min, max, bound, maxBytes));
    }

    public ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(_core.Trim(position, bound));
    }

    public ValueTask<TailResult> SealAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new TailResult(_core.Seal(), true));
    }

    public async IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var end = Math.Min(max, stop ?? long.MaxValue);
        for (var next = min; next < end;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var changed = _core.Changed;
            var isSealed = _core.IsSealed;
            var tail = _core.Committed;
            var read = _core.Read(next, max, stop ?? tail, LogletOptions.Default.SubscriptionCredit);
            if (read.Status != StatusCode.Ok)
            {
                yield return new EntryBatch(read.Status, next, 0, null, tail);
                yield break;
            }

            if (read.Count > 0)
            {
                next += read.Count;
                yield return new EntryBatch(StatusCode.Ok, read.First, read.Count, read.Entries, tail);
            }
            else if (isSealed)
            {
                yield return new EntryBatch(StatusCode.Sealed, next, 0, null, tail);
                yield break;
            }
            else
            {
                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        var (tail, trim) = _core.Describe();
        var status = _core.IsDeleted ? StatusCode.Deleted : StatusCode.Ok;
        var replica = new ReplicaDescription(default, status, _core.IsSealed, tail, _core.Committed, trim, false, null);
        return ValueTask.FromResult(new LogletDescription(Config, !_core.IsSealed, [replica]));
    }

    public ValueTask DeleteAsync(CancellationToken cancellationToken)
    {
        _core.Delete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _disposed = true;
        Flush();
        _core.GiveBack(this);
        return ValueTask.CompletedTask;
    }

    void IMemoryAppender.Complete(AppendOp op, StatusCode status, long position)
    {
        if (status == StatusCode.Ok) _knownTail.Raise(position + 1);
        Add(op, status, position);
    }

    void IMemoryAppender.Deliver() => _completions.Deliver();

    private void Add(AppendOp op, StatusCode status, long position)
    {
        lock (_outcomes) _completions.Add(op, status, position);
    }
}
