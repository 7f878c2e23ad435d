namespace Delos.Runtime;

/// <summary>A proposal that somebody waits for.</summary>
internal sealed class PendingProposal(Proposal proposal)
{
    private readonly TaskCompletionSource<ProposalResult> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Proposal Proposal => proposal;

    public Task<ProposalResult> Answered => _answered.Task;

    public void Answer(ProposalResult result) => _answered.TrySetResult(result);

    public void Fail(Exception error) => _answered.TrySetException(error);
}
