using System.Security.Cryptography;
using Delos.Client;

namespace Delos.Runtime;

/// <summary>
/// Puts proposals into entries of the log: whatever came while the entries before were under way is the next one. Answers them when this replica's apply loop meets them. Thread-safe.
/// </summary>
internal sealed class Proposer(DelosLog log, RuntimeOptions options) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<PendingProposal> _queue = new();
    private readonly Dictionary<ulong, PendingBatch> _appended = [];
    private readonly HashSet<Task> _appending = [];
    private readonly CancellationTokenSource _closed = new();
    private ulong _lastNumber;
    private long _cursor;
    private int _unanswered;
    private DelosException? _stopped;

    /// <summary>Names this process's batches: never used by another.</summary>
    public ulong Id { get; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    /// <exception cref="DelosException">LimitExceeded: larger than an entry, or too many wait. Unavailable: this replica does not apply at present; nothing was proposed. OutcomeUnknown: it may be applied.</exception>
    public Task<ProposalResult> ProposeAsync(Proposal proposal, CancellationToken cancellationToken)
    {
        var limit = options.MaxBatchBytes - ProposalBatch.HeaderSize;
        if (proposal.Size > limit) return Failed(DelosErrorCode.LimitExceeded, $"The command takes {proposal.Size} bytes of an entry; {limit} is the limit.");
        var pending = new PendingProposal(proposal);
        lock (_lock)
        {
            // Each caller gets an exception of its own: they are thrown on many threads.
            if (_stopped is { } stopped) return Failed(stopped.Code, stopped.Message);
            var isBounded = proposal.Kind is ProposalKind.Command or ProposalKind.OpenSession;
            if (isBounded && _unanswered >= options.MaxProposals) return Failed(DelosErrorCode.LimitExceeded, $"{_unanswered} proposals wait for their answers; try again later.");
            _unanswered++;
            _queue.Enqueue(pending);
            Pump();
        }

        return cancellationToken.CanBeCanceled ? pending.Answered.WaitAsync(cancellationToken) : pending.Answered;
    }

    /// <summary>This replica has applied a proposal; own ones are answered. On the apply loop.</summary>
    public void OnApplied(ulong proposer, ulong number, int index, long position, Answer answer)
    {
        if (proposer != Id) return;
        PendingProposal? pending;
        lock (_lock)
        {
            if (!_appended.TryGetValue(number, out var batch) || batch.Take(index) is not { } taken) return;
            pending = taken;
            _unanswered--;
            if (batch.Unanswered == 0) _appended.Remove(number);
        }

        pending.Answer(new ProposalResult(answer.Status, position, answer.Payload));
    }

    /// <summary>Everything below has been applied, and those concerned were told. What was appended there and is still unanswered was edited by an operator, or came with a restored snapshot.</summary>
    public void OnCursor(long cursor)
    {
        List<PendingBatch>? passed = null;
        lock (_lock)
        {
            _cursor = cursor;
            foreach (var (number, batch) in _appended)
            {
                if (batch.Position < 0 || batch.Position >= cursor) continue;
                (passed ??= []).Add(batch);
                _appended.Remove(number);
                _unanswered -= batch.Unanswered;
            }
        }

        if (passed is not null) FailPassed(passed);
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

        foreach (var pending in failed) pending.Fail(Unknown($"it was under way when its replica stopped: {reason!.Message}"));
    }

    /// <summary>Fails those who wait. What is being appended may be in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        Stop(new DelosException(DelosErrorCode.Closed, "the runtime was disposed"));
        await _closed.CancelAsync().ConfigureAwait(false);
        Task[] appending;
        lock (_lock) appending = [.. _appending];
        await Task.WhenAll(appending).ConfigureAwait(false);
    }

    /// <summary>Under the lock.</summary>
    private void Pump()
    {
        while (_queue.Count > 0 && _appending.Count < options.MaxAppends)
        {
            var batch = new List<PendingProposal>();
            var size = ProposalBatch.HeaderSize;
            while (batch.Count < ProposalBatch.MaxProposals && _queue.TryPeek(out var next) && size + next.Proposal.Size <= options.MaxBatchBytes)
            {
                size += next.Proposal.Size;
                batch.Add(_queue.Dequeue());
            }

            var number = ++_lastNumber;
            var pending = new PendingBatch([.. batch]);
            _appended[number] = pending;
            var task = AppendAsync(number, pending);
            if (task.IsCompleted) continue;
            _appending.Add(task);
            _ = task.ContinueWith(OnAppended, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private void OnAppended(Task task)
    {
        lock (_lock)
        {
            _appending.Remove(task);
            if (_stopped is null) Pump();
        }
    }

    /// <summary>Never fails.</summary>
    private async Task AppendAsync(ulong number, PendingBatch pending)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var batch = new ProposalBatch(Id, number, options.TimeProvider.GetUtcNow(), [.. pending.Proposals.Select(static p => p.Proposal)]);
        try
        {
            var position = await log.AppendAsync(batch.Encode(), _closed.Token).ConfigureAwait(false);
            lock (_lock)
            {
                pending.Position = position;
                if (position >= _cursor || !_appended.Remove(number)) return;
                _unanswered -= pending.Unanswered;
            }

            FailPassed([pending]);
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                if (!_appended.Remove(number)) return;
                _unanswered -= pending.Unanswered;
            }

            foreach (var proposal in pending.Proposals) proposal.Fail(e as DelosException ?? new DelosException(DelosErrorCode.Internal, $"The proposal could not be appended: {e.Message}", e));
        }
    }

    /// <summary>Under the lock.</summary>
    private PendingProposal[] TakeAll()
    {
        PendingProposal[] all = [.. _queue, .. _appended.Values.SelectMany(static b => b.Proposals)];
        _queue.Clear();
        _appended.Clear();
        _unanswered = 0;
        return all;
    }

    private static void FailPassed(List<PendingBatch> passed)
    {
        foreach (var batch in passed)
        {
            foreach (var proposal in batch.Proposals) proposal.Fail(Unknown($"its entry at {batch.Position} was edited by an operator, or this replica came past it by a snapshot"));
        }
    }

    private static Task<ProposalResult> Failed(DelosErrorCode code, string message) => Task.FromException<ProposalResult>(new DelosException(code, message));

    private static DelosException Unknown(string why) => new(DelosErrorCode.OutcomeUnknown, $"The proposal may have been applied, or be applied later: {why}");
}
