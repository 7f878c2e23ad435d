using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>The proposals of one life of a replica, as client/Runtime/Proposer.cs: what comes within a moment shares an entry, and is answered when this replica applies it (<see cref="AppendedProposals{T}"/>).</summary>
internal sealed class SimProposals(SimRuntime replica, SimRuntimeLog log, ulong id)
{
    private readonly List<Pending> _queue = [];
    private readonly AppendedProposals<Pending> _appended = new();
    private bool _isStopped;

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
        if (applied.Proposer == id) _appended.OnApplied(applied.Number, applied.Index)?.Answered.SetResult(new ProposalResult(applied.Answer.Status, applied.Position, applied.Answer.Payload));
    }

    /// <summary>Everything below has been applied.</summary>
    public void OnCursor(long cursor) => Fail([.. _appended.OnCursor(cursor).Select(p => p.Waiting)]);

    /// <summary>The replica dies, or does not apply for now.</summary>
    public void Stop()
    {
        _isStopped = true;
        Pending[] all = [.. _queue, .. _appended.TakeAll()];
        _queue.Clear();
        Fail(all);
    }

    public void GoOn() => _isStopped = false;

    private async Task FlushAsync()
    {
        if (_queue.Count == 0) return;
        Pending[] proposals = [.. _queue];
        _queue.Clear();
        var number = _appended.Add(proposals);
        var entry = new ProposalBatch(id, number, replica.Time, [.. proposals.Select(p => p.Proposal)]);
        var bytes = entry.Encode();
        var version = log.KnownVersion;
        if (await log.AppendAsync(bytes) is not { } position)
        {
            Fail(_appended.OnFailed(number));
            return;
        }

        Fail(_appended.OnAppended(number, position));
        if (!_isStopped) replica.OnAppended(position, bytes, version);
    }

    private static void Fail(IReadOnlyList<Pending> unanswered)
    {
        foreach (var pending in unanswered) pending.Answered.SetResult(null);
    }

    private sealed class Pending(Proposal proposal)
    {
        public Proposal Proposal => proposal;

        public TaskCompletionSource<ProposalResult?> Answered { get; } = new();
    }
}
