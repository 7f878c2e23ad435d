namespace Delos.Runtime;

/// <summary>The proposals of one entry that is under way. Guarded by the proposer's lock.</summary>
internal sealed class PendingBatch(PendingProposal[] proposals)
{
    private int _answered;

    public IReadOnlyList<PendingProposal> Proposals => proposals;

    /// <summary>Where the entry is; -1: not known yet.</summary>
    public long Position { get; set; } = -1;

    public int Unanswered => proposals.Length - _answered;

    /// <summary>Counts an answer; null: the entry has more proposals than were put into it, so it is not the one.</summary>
    public PendingProposal? Take(int index)
    {
        if (index >= proposals.Length) return null;
        _answered++;
        return proposals[index];
    }
}
