using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>The proposals of one life of a replica, as client/Runtime/Proposer.cs: what comes within a moment shares an entry, and is answered when this replica applies it.</summary>
internal sealed class SimProposals(SimRuntime replica, SimRuntimeLog log, ulong id)
{
    private readonly List<Pending> _queue = [];
    private readonly SortedDictionary<ulong, Appended> _appended = [];
    private ulong _lastNumber;
    private long _cursor;
    private bool _isStopped;
    private bool _isOver;

    private SimWorld World => replica.World;

    /// <summary>Null: the outcome is unknown.</summary>
    public Task<ProposalResult?> ProposeAsync(Proposal proposal)
    {
        if (_isStopped) return Task.FromResult<ProposalResult?>(null);
        var pending = new Pending(proposal);
        _queue.Add(pending);
        if (_queue.Count == 1) World.At(World.Random.Next(1_500), () => World.Spawn(FlushAsync));
        return pending.Answered.Task;
    }

    public void OnApplied(in AppliedProposal applied)
    {
        if (applied.Proposer != id || !_appended.TryGetValue(applied.Number, out var batch) || applied.Index >= batch.Proposals.Length) return;
        batch.Proposals[applied.Index].Answered.TrySetResult(new ProposalResult(applied.Answer.Status, applied.Position, applied.Answer.Payload));
        if (Array.TrueForAll(batch.Proposals, p => p.Answered.Task.IsCompleted)) _appended.Remove(applied.Number);
    }

    /// <summary>What was appended below and is not answered was edited, or came with a snapshot.</summary>
    public void OnCursor(long cursor)
    {
        _cursor = cursor;
        foreach (var (number, batch) in _appended.Where(b => b.Value.Position is >= 0 and var at && at < cursor).ToArray()) Fail(number, batch);
    }

    /// <summary>The replica dies, or stops applying.</summary>
    public void Stop(bool isOver)
    {
        _isStopped = true;
        foreach (var (number, batch) in _appended.ToArray()) Fail(number, batch);
        Pending[] queued = [.. _queue];
        _queue.Clear();
        foreach (var pending in queued) pending.Answered.TrySetResult(null);
        _isOver |= isOver;
    }

    public void GoOn() => _isStopped = false;

    private async Task FlushAsync()
    {
        if (_queue.Count == 0) return;
        var batch = new Appended([.. _queue]);
        var number = ++_lastNumber;
        _queue.Clear();
        _appended[number] = batch;
        var entry = new ProposalBatch(id, number, replica.Time, [.. batch.Proposals.Select(p => p.Proposal)]);
        var position = await log.AppendAsync(entry.Encode());
        if (position is null || position < _cursor || _isOver) Fail(number, batch);
        else batch.Position = position.Value;
    }

    private void Fail(ulong number, Appended batch)
    {
        _appended.Remove(number);
        foreach (var pending in batch.Proposals) pending.Answered.TrySetResult(null);
    }

    private sealed class Pending(Proposal proposal)
    {
        public Proposal Proposal => proposal;

        public TaskCompletionSource<ProposalResult?> Answered { get; } = new();
    }

    private sealed class Appended(Pending[] proposals)
    {
        public Pending[] Proposals => proposals;

        /// <summary>-1: not known, or in no place.</summary>
        public long Position { get; set; } = -1;
    }
}
