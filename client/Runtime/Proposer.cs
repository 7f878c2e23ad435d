using System.Security.Cryptography;
using Delos.Client;

namespace Delos.Runtime;

/// <summary>
/// Puts proposals into entries of the log: whatever was queued before a <see cref="Flush"/>, or came while the entries before were under way, is the next one. Answers them when this replica's apply loop meets them. Thread-safe.
/// </summary>
/// <remarks>Entries are made and handed to the log on the thread that flushes, or that brings an acknowledgement: neither waits for anything, and one thread at a time does it for all.</remarks>
internal sealed class Proposer(DelosLog log, RuntimeOptions options) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<PendingProposal> _queue = new();
    private readonly AppendedProposals<PendingProposal> _appended = new();
    private readonly CancellationTokenSource _closed = new();
    private int _appending;
    private bool _flushing;
    private TaskCompletionSource? _idle;
    private int _unanswered;
    private DelosException? _stopped;

    /// <summary>Names this process's batches: never used by another.</summary>
    public ulong Id { get; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    /// <summary>Told, once, where the log has an entry, its payload, and which version of the chain was known when its append began. To be set before the first proposal; must not block or fail.</summary>
    public Action<long, byte[], ulong?>? Acknowledged { get; set; }

    /// <exception cref="DelosException">LimitExceeded: larger than an entry, or too many wait. Unavailable: this replica does not apply at present; nothing was proposed. OutcomeUnknown: it may be applied.</exception>
    public Task<ProposalResult> ProposeAsync(Proposal proposal, CancellationToken cancellationToken)
    {
        var answer = new AnswerTask();
        Enqueue(proposal, answer);
        Flush();
        return cancellationToken.CanBeCanceled ? answer.Answered.WaitAsync(cancellationToken) : answer.Answered;
    }

    /// <summary>Queues a proposal for the next <see cref="Flush"/>. The listener is told the outcome; if it is refused, before this returns.</summary>
    public void Enqueue(Proposal proposal, IProposalListener listener)
    {
        if (TryQueue(new PendingProposal(proposal, listener)) is { } refusal) listener.OnFailed(refusal);
    }

    /// <summary>Has what is queued appended, now or, if enough entries are under way, when one of them is over. Listeners may be told before it returns.</summary>
    public void Flush()
    {
        // Called from within an append that ends at once, this leaves the next one to the loop: no recursion.
        for (var batch = NextBatch(begin: true); batch is not null; batch = NextBatch(begin: false)) _ = AppendAsync(batch);
    }

    /// <summary>This replica has applied a proposal; own ones are answered. On the apply loop.</summary>
    public void OnApplied(ulong proposer, ulong number, int index, long position, Answer answer)
    {
        if (proposer != Id) return;
        PendingProposal? pending;
        lock (_lock)
        {
            pending = _appended.OnApplied(number, index);
            if (pending is null) return;
            _unanswered--;
        }

        pending.Listener.OnAnswered(new ProposalResult(answer.Status, position, answer.Payload));
    }

    /// <summary>Everything below has been applied, and those concerned were told.</summary>
    public void OnCursor(long cursor)
    {
        IReadOnlyList<(PendingProposal Waiting, long Position)> passed;
        lock (_lock)
        {
            passed = _appended.OnCursor(cursor);
            _unanswered -= passed.Count;
        }

        foreach (var (waiting, position) in passed) waiting.Listener.OnFailed(PassedOver(position));
    }

    /// <summary>The replica does not apply for now: what comes is refused, what is under way has an unknown outcome. Null: it goes on.</summary>
    public void Stop(DelosException? reason)
    {
        PendingProposal[] failed = [];
        lock (_lock)
        {
            _stopped = reason;
            if (reason is not null) failed = TakeAll();
        }

        foreach (var pending in failed) pending.Listener.OnFailed(Unknown($"it was under way when its replica stopped: {reason!.Message}"));
    }

    /// <summary>Fails those who wait. What is being appended may be in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        Stop(new DelosException(DelosErrorCode.Closed, "the runtime was disposed"));
        await _closed.CancelAsync().ConfigureAwait(false);
        Task idle;
        lock (_lock)
        {
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_appending == 0) _idle.SetResult();
            idle = _idle.Task;
        }

        await idle.ConfigureAwait(false);
    }

    /// <summary>Null, or why not.</summary>
    private DelosException? TryQueue(PendingProposal pending)
    {
        var proposal = pending.Proposal;
        var limit = options.MaxBatchBytes - ProposalBatch.HeaderSize;
        if (proposal.Size > limit) return new DelosException(DelosErrorCode.LimitExceeded, $"The command takes {proposal.Size} bytes of an entry; {limit} is the limit.");
        lock (_lock)
        {
            // Each caller gets an exception of its own: they are thrown on many threads.
            if (_stopped is { } stopped) return new DelosException(stopped.Code, stopped.Message);
            var isBounded = proposal.Kind is ProposalKind.Command or ProposalKind.OpenSession;
            if (isBounded && _unanswered >= options.MaxProposals) return new DelosException(DelosErrorCode.LimitExceeded, $"{_unanswered} proposals wait for their answers; try again later.");
            _unanswered++;
            _queue.Enqueue(pending);
            return null;
        }
    }

    /// <summary>The next entry to be appended; null: there is none, too many are under way, or another thread is at it, which will find what this one has queued.</summary>
    private Batch? NextBatch(bool begin)
    {
        lock (_lock)
        {
            if (begin && _flushing) return null;
            _flushing = _queue.Count > 0 && _appending < options.MaxAppends;
            if (!_flushing) return null;
            var size = ProposalBatch.HeaderSize;
            var proposals = new List<PendingProposal>();
            while (proposals.Count < ProposalBatch.MaxProposals && _queue.TryPeek(out var next) && size + next.Proposal.Size <= options.MaxBatchBytes)
            {
                size += next.Proposal.Size;
                proposals.Add(_queue.Dequeue());
            }

            _appending++;
            return new Batch(_appended.Add(proposals), proposals);
        }
    }

    /// <summary>Never fails.</summary>
    private async Task AppendAsync(Batch batch)
    {
        byte[] entry;
        ulong? version;
        long position;
        try
        {
            entry = new ProposalBatch(Id, batch.Number, options.TimeProvider.GetUtcNow(), batch.Payloads()).Encode();
            version = log.KnownVersion;
            position = await log.AppendAsync(entry, _closed.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            try
            {
                foreach (var proposal in OnEnded(batch.Number, position: null)) proposal.Listener.OnFailed(e as DelosException ?? new DelosException(DelosErrorCode.Internal, $"The proposal could not be appended: {e.Message}", e));
            }
            finally
            {
                Flush();
            }

            return;
        }

        // Applying it comes first: others wait for that.
        var failed = OnEnded(batch.Number, position);
        try
        {
            Acknowledged?.Invoke(position, entry, version);
            foreach (var proposal in failed) proposal.Listener.OnFailed(PassedOver(position));
        }
        finally
        {
            // A listener that throws must not leave those of others in the queue.
            Flush();
        }
    }

    /// <summary>One append is over.</summary>
    /// <param name="number">Of its batch.</param>
    /// <param name="position">Where its entry is; null: it failed.</param>
    /// <returns>Those who were waiting for it in vain.</returns>
    private IReadOnlyList<PendingProposal> OnEnded(ulong number, long? position)
    {
        IReadOnlyList<PendingProposal> failed;
        TaskCompletionSource? idle = null;
        lock (_lock)
        {
            failed = position is { } at ? _appended.OnAppended(number, at) : _appended.OnFailed(number);
            _unanswered -= failed.Count;
            _appending--;
            if (_appending == 0) idle = _idle;
        }

        idle?.TrySetResult();
        return failed;
    }

    /// <summary>Under the lock.</summary>
    private PendingProposal[] TakeAll()
    {
        PendingProposal[] all = [.. _queue, .. _appended.TakeAll()];
        _queue.Clear();
        _unanswered = 0;
        return all;
    }

    private static DelosException Unknown(string why) => new(DelosErrorCode.OutcomeUnknown, $"The proposal may have been applied, or be applied later: {why}");

    private static DelosException PassedOver(long position) => Unknown($"its entry at {position} was edited by an operator, or this replica came past it by a snapshot");

    /// <summary>What becomes one entry.</summary>
    private sealed record Batch(ulong Number, List<PendingProposal> Proposals)
    {
        public Proposal[] Payloads()
        {
            var payloads = new Proposal[Proposals.Count];
            for (var i = 0; i < payloads.Length; i++) payloads[i] = Proposals[i].Proposal;
            return payloads;
        }
    }
}
