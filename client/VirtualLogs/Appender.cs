using System.Numerics;
using System.Security.Cryptography;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Microsoft.Extensions.ObjectPool;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// The append path of one handle: numbers and encodes appends, keeps them in sequence order in a ring until they are resolved, and hands them to the active segment's Loglet. While that segment is being replaced
/// everything waits here for <see cref="AppendMover"/>. Thread-safe: one lock, never held while an append is completed or bytes are sent.
/// </summary>
/// <remarks>
/// An append is touched by one party at a time: by this object under the lock, or, while it is Sent, by the Loglet, which ends that by <see cref="OnCompleted"/>. A null slot in the ring means "resolved".
/// </remarks>
internal sealed partial class Appender : IThreadPoolWorkItem, IAsyncDisposable
{
    private readonly DelosClientOptions _options;
    private readonly Lock _gate = new();
    private readonly ObjectPool<PendingAppend> _pool;
    private readonly Stack<PendingAppend> _free = new();
    private readonly List<PendingAppend> _recycled = [];
    private readonly EntryEncoder _encoder = new();
    private readonly Queue<PendingAppend> _waiting = new();
    private readonly PendingAppend?[] _ring;
    private readonly ulong _mask;
    private readonly AppendMover _mover;
    private readonly ChainView _chains;
    private ILoglet? _loglet;
    private Segment? _segment;
    private Segment? _resumed;
    private ulong _nextSequence = 1;
    private ulong _nextSend = 1;
    private long _knownTail;
    private long _bytes;
    private long _resolvedBytes;
    private int _handedOver;
    private int _unanswered;
    private int _returned;
    private int _flushQueued;

    // The thread that delivers a run of completions and, if the options say so, runs what continues; 0: none.
    private int _runThread;
    private long _acknowledged;
    private long _acknowledgedAt;
    private bool _moving;
    private bool _closed;
    private bool _stopped;
    private TaskCompletionSource? _drained;
    private TaskCompletionSource? _emptied;

    public Appender(VirtualLog log, ILogletFactory loglets, DelosClientOptions options)
    {
        _options = options;
        var capacity = BitOperations.RoundUpToPowerOf2((uint)options.MaxInFlightAppends);
        _ring = new PendingAppend?[capacity];
        _mask = capacity - 1;
        Client = new RunEnd(this, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
        _pool = new DefaultObjectPool<PendingAppend>(new Policy(this), maximumRetained: 8192);
        _mover = new AppendMover(this, log, loglets, options);
        _chains = log.Chains;
        _chains.Changed += OnChain;
    }

    /// <summary>The handle's client id and floor.</summary>
    public AppendClient Client { get; }

    public bool InlineContinuations => _options.InlineContinuations;

    public ValueTask<long> AppendAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        if (payload.Length > _options.MaxEntryBytes) return ValueTask.FromException<long>(TooLarge(payload.Length));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<long>(cancellationToken);
        var append = _pool.Get();
        var task = append.Begin(cancellationToken);
        bool closed;
        var flush = Flushing.None;
        lock (_gate)
        {
            closed = _closed;
            if (!closed)
            {
                TakeIn(append, payload);
                flush = Pump();
            }
        }

        if (closed) Finish(append, -1, ClosedError());
        else Flush(flush);
        return task;
    }

    /// <summary>As many appends, in order, sent together.</summary>
    public Task<long[]> AppendAllAsync(IReadOnlyList<ReadOnlyMemory<byte>> payloads, CancellationToken cancellationToken)
    {
        foreach (var payload in payloads)
        {
            if (payload.Length > _options.MaxEntryBytes) throw TooLarge(payload.Length);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (payloads.Count == 0) return Task.FromResult<long[]>([]);
        var batch = new PendingBatch(payloads.Count);
        Flushing flush;
        lock (_gate)
        {
            if (_closed) throw ClosedError();
            batch.Begin(cancellationToken);
            for (var i = 0; i < payloads.Count; i++)
            {
                if (!_free.TryPop(out var append)) append = _pool.Get();
                append.Begin(batch, i);
                TakeIn(append, payloads[i]);
            }

            flush = Pump();
        }

        Flush(flush);
        return batch.Answer;
    }

    /// <summary>The Loglet gives one back. On any thread, one at a time, without locks held.</summary>
    public void OnCompleted(PendingAppend append, StatusCode status, long position)
    {
        if (InlineContinuations) _runThread = Environment.CurrentManagedThreadId;
        switch (status)
        {
            case StatusCode.Ok:
                append.Lifecycle.OnAcknowledged(position);
                _acknowledged++;
                Resolved(append);
                Returned();
                if (append.Finish(append.Lifecycle.Position, null)) _recycled.Add(append);
                break;

            // Refused before it got a position, and so is every copy that an earlier connection may still deliver: see SequencerCore.RefusalOf. (BelowFloor is told as "outcome unknown".)
            case StatusCode.DiskFull:
            case StatusCode.LimitExceeded:
            case StatusCode.Malformed:
            case StatusCode.BelowFloor:
                var error = AppendErrors.Refused(status);
                append.Lifecycle.OnRefused(error.Code);
                Metrics.AppendsFailed.Add(1);
                Resolved(append);
                Returned();
                if (append.Finish(-1, error)) _recycled.Add(append);
                break;
            default:
                lock (_gate)
                {
                    append.Lifecycle.OnGivenBack(position);
                    BeginMove(status == StatusCode.Sealed ? "sealed" : $"sequencer: {status}", status is StatusCode.Sealed or StatusCode.Deleted);
                }

                Returned();
                break;
        }
    }

    public void Recycle(PendingAppend append) => _pool.Return(append);

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _flushQueued, 0);
        Volatile.Read(ref _loglet)?.Flush();
    }

    public async ValueTask DisposeAsync()
    {
        var rest = new List<PendingAppend>();
        Task emptied;
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            while (_waiting.TryDequeue(out var append)) rest.Add(append);
            _emptied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            emptied = _emptied.Task;
            AdvanceFloor();
        }

        foreach (var append in rest) Finish(append, -1, ClosedError());
        try
        {
            await emptied.WaitAsync(_options.CloseTimeout, _options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What is still unanswered is answered below, with OutcomeUnknown where it was sent.
        }

        lock (_gate) _stopped = true;
        await _mover.DisposeAsync().ConfigureAwait(false);
        ILoglet? loglet;
        lock (_gate)
        {
            _moving = true;
            loglet = _loglet;
            _loglet = null;
        }

        if (loglet is not null) await loglet.DisposeAsync().ConfigureAwait(false);
        await DrainedAsync().ConfigureAwait(false);
        Fail(static append => append.Lifecycle.OnClosed(), ClosedError());
        lock (_gate) _encoder.Dispose();
    }

    // ---- under the lock --------------------------------------------------------------------------------------------------------------

    private void TakeIn(PendingAppend append, ReadOnlyMemory<byte> payload)
    {
        append.Size = EntryCodec.EncodedSize(payload.Length);
        if (_waiting.Count == 0 && HasRoom(append.Size))
        {
            Admit(append, payload.Span);
            return;
        }

        append.Waiting = payload;
        _waiting.Enqueue(append);
    }

    private bool HasRoom(int size)
    {
        if (_nextSequence - Client.Floor >= (ulong)_options.MaxInFlightAppends) AdvanceFloor();
        if (_nextSequence - Client.Floor >= (ulong)_options.MaxInFlightAppends) return false;
        return _bytes == 0 || _bytes + size <= _options.MaxInFlightBytes;
    }

    private void Admit(PendingAppend append, ReadOnlySpan<byte> payload)
    {
        append.Sequence = _nextSequence;
        append.Lifecycle.Begin(_nextSequence);
        append.Entry = _encoder.Encode(append.Id, payload, append.Spare ?? RetainedPayload.Create());
        append.Spare = null;
        _bytes += append.Size;
        _ring[_nextSequence & _mask] = append;
        _nextSequence++;
    }

    /// <summary>Hands what may be sent to the Loglet, in sequence order.</summary>
    private Flushing Pump()
    {
        while (_waiting.TryPeek(out var first) && (first.IsAnswered || HasRoom(first.Size)))
        {
            _waiting.Dequeue();
            var payload = first.Waiting;
            first.Waiting = default;
            if (first.IsAnswered) first.LetGo();
            else Admit(first, payload.Span);
        }

        if (_nextSend == _nextSequence) return Flushing.None;
        if (_loglet is not { } loglet)
        {
            if (!_moving && !_closed) BeginMove("opened", isSealed: false);
            return Flushing.None;
        }

        var idle = Volatile.Read(ref _unanswered) == 0;

        // Noted before the hand-over: whatever position it gets is not below this (mutant SCAN_AFTER).
        _knownTail = Math.Max(_knownTail, loglet.KnownTail);
        var count = 0;
        Interlocked.Add(ref _unanswered, (int)(_nextSequence - _nextSend));
        for (; _nextSend < _nextSequence; _nextSend++)
        {
            if (Volatile.Read(ref _ring[_nextSend & _mask]) is not { } append)
            {
                // Resolved in an earlier segment.
                Interlocked.Decrement(ref _unanswered);
                continue;
            }

            count++;
            append.Lifecycle.OnSend(_segment!, _knownTail);
            loglet.Append(append);
        }

        _handedOver += count;

        return idle ? Flushing.Now : Flushing.Soon;
    }

    /// <summary>What a run of completions left: what was resolved makes room, appends of batches are free for others, and the Loglet may have none any more.</summary>
    private void TakeBack()
    {
        _handedOver -= _returned;
        _returned = 0;
        if (_handedOver == 0) _drained?.TrySetResult();
        _bytes -= _resolvedBytes;
        _resolvedBytes = 0;
        foreach (var append in _recycled)
        {
            // No more than are ever under way: a batch that waited for room may have been larger.
            if (_free.Count < _ring.Length) _free.Push(append);
        }

        _recycled.Clear();
    }

    private void AdvanceFloor()
    {
        var floor = Client.Floor;
        while (floor < _nextSequence && Volatile.Read(ref _ring[floor & _mask]) is null) floor++;
        Client.Floor = floor;
        if (floor == _nextSequence) _emptied?.TrySetResult();
    }

    // ---- without the lock ------------------------------------------------------------------------------------------------------------

    private void OnRunEnd()
    {
        if (_acknowledged != 0)
        {
            Metrics.Appends.Add(Interlocked.Exchange(ref _acknowledged, 0));
            Volatile.Write(ref _acknowledgedAt, _options.TimeProvider.GetTimestamp());
            if (Interlocked.Exchange(ref _resumed, null) is { } resumed)
            {
                _mover.NoteResumed();
                _chains.Withdraw(resumed);
            }
        }

        Flushing flush;
        lock (_gate)
        {
            TakeBack();
            AdvanceFloor();
            flush = Pump();
        }

        if (InlineContinuations)
        {
            // What continued appended meanwhile goes out in one piece.
            _runThread = 0;
            Volatile.Read(ref _loglet)?.Flush();
        }
        else if (flush != Flushing.None)
        {
            // Not on this thread: it has more completions to deliver.
            Flush(Flushing.Soon);
        }
    }

    private void Flush(Flushing flushing)
    {
        if (_runThread == Environment.CurrentManagedThreadId) return;
        if (flushing == Flushing.Now) Volatile.Read(ref _loglet)?.Flush();
        else if (flushing == Flushing.Soon && Interlocked.Exchange(ref _flushQueued, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>On the thread that delivers completions; under the lock when there is no Loglet that could.</summary>
    private void Resolved(PendingAppend append)
    {
        if (append.Entry is { } entry)
        {
            if (entry.TryReset()) append.Spare = entry;
            else entry.Release();
            append.Entry = null;
        }

        _resolvedBytes += append.Size;
        Volatile.Write(ref _ring[append.Sequence & _mask], null);
    }

    /// <summary>The Loglet has answered: whoever appends next, perhaps since this was the last one, finds it idle. Only the end of the run gives what was handed over back.</summary>
    private void Returned()
    {
        _returned++;
        Interlocked.Decrement(ref _unanswered);
    }

    private void Finish(PendingAppend append, long position, Exception? error)
    {
        if (append.Finish(position, error)) Recycle(append);
    }

    private DelosException TooLarge(int length) => new(DelosErrorCode.LimitExceeded, $"The entry has {length} bytes; at most {_options.MaxEntryBytes} are allowed.");

    private static DelosException ClosedError() => new(DelosErrorCode.Closed, "The log handle was disposed.");

    private enum Flushing
    {
        None,
        Now,
        Soon,
    }

    private sealed class RunEnd(Appender appender, ulong clientId) : AppendClient(clientId)
    {
        public override void OnCompletionsDelivered() => appender.OnRunEnd();
    }

    private sealed class Policy(Appender appender) : PooledObjectPolicy<PendingAppend>
    {
        public override PendingAppend Create() => new(appender);

        public override bool Return(PendingAppend obj) => true;
    }
}
