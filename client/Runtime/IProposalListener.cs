using Delos.Client;

namespace Delos.Runtime;

/// <summary>Told what became of one proposal, exactly once, on the thread that finds out: must neither block nor throw.</summary>
public interface IProposalListener
{
    /// <summary>It is in the log, and this replica is past it. On the apply loop, in the order of the log, before <see cref="IStateMachine.OnCommitted"/> of the same batch.</summary>
    void OnAnswered(ProposalResult result);

    /// <summary>As <see cref="DelosRuntime.ProposeAsync(ReadOnlyMemory{byte}, CancellationToken)"/> throws it.</summary>
    void OnFailed(DelosException error);
}
