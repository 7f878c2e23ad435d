using Delos.Client;

namespace Delos.Runtime;

/// <summary>A proposal's outcome as a task.</summary>
internal sealed class AnswerTask : IProposalListener
{
    private readonly TaskCompletionSource<ProposalResult> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<ProposalResult> Answered => _answered.Task;

    public void OnAnswered(ProposalResult result) => _answered.TrySetResult(result);

    public void OnFailed(DelosException error) => _answered.TrySetException(error);
}
