namespace Delos.Runtime;

/// <summary>A proposal that somebody waits for.</summary>
/// <param name="Proposal">What it is.</param>
/// <param name="Listener">Who is told.</param>
internal sealed record PendingProposal(Proposal Proposal, IProposalListener Listener);
