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
    private readonly Dictionary<ulong, PendingProposal[]> _appended = [];
    private readonly HashSet<Task> _appending = [];
    private ulong _lastNumber;
    private int _unanswered;
    private Exception? _stopped;

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
            if (_stopped is { } stopped) return Task.FromException<ProposalResult>(stopped);
            if (_unanswered >= options.MaxProposals) return Failed(DelosErrorCode.LimitExceeded, $"{_unanswered} proposals wait for their answers; try again later.");
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
        PendingProposal[]? batch;
        lock (_lock)
        {
            if (!_appended.TryGetValue(number, out batch) || index >= batch.Length) return;
            if (index == batch.Length - 1) _appended.Remove(number);
            _unanswered--;
        }

        batch[index].Answer(new ProposalResult(answer.Status, position, answer.Payload));
    }

    /// <summary>The replica does not apply for now: what comes is refused, what is under way has an unknown outcome. Null: it goes on.</summary>
    public void Stop(Exception? reason)
    {
        PendingProposal[] failed = [];
        lock (_lock)
        {
            _stopped = reason;
            if (reason is not null) failed = TakeAll();
        }

        if (reason is null) return;
        foreach (var pending in failed) pending.Fail(Unknown($"it was under way when {reason.Message}", reason));
    }

    public async ValueTask DisposeAsync()
    {
        Stop(new DelosException(DelosErrorCode.Closed, "the runtime was disposed"));
        while (true)
        {
            Task[] appending;
            lock (_lock) appending = [.. _appending];
            if (appending.Length == 0) return;
            await Task.WhenAll(appending).ConfigureAwait(false);
        }
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
            PendingProposal[] pending = [.. batch];
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
    private async Task AppendAsync(ulong number, PendingProposal[] pending)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var batch = new ProposalBatch(Id, number, options.TimeProvider.GetUtcNow(), [.. pending.Select(static p => p.Proposal)]);
        try
        {
            await log.AppendAsync(batch.Encode()).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                if (!_appended.Remove(number)) return;
                _unanswered -= pending.Length;
            }

            foreach (var proposal in pending) proposal.Fail(e as DelosException ?? new DelosException(DelosErrorCode.Internal, $"The proposal could not be appended: {e.Message}", e));
        }
    }

    /// <summary>Under the lock.</summary>
    private PendingProposal[] TakeAll()
    {
        PendingProposal[] all = [.. _queue, .. _appended.Values.SelectMany(static b => b)];
        _queue.Clear();
        _appended.Clear();
        _unanswered = 0;
        return all;
    }

    private static Task<ProposalResult> Failed(DelosErrorCode code, string message) => Task.FromException<ProposalResult>(new DelosException(code, message));

    private static DelosException Unknown(string why, Exception? inner) => new(DelosErrorCode.OutcomeUnknown, $"The proposal may have been applied, or be applied later: {why}", inner);
}
