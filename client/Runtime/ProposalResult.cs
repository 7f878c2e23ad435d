namespace Delos.Runtime;

/// <summary>The answer to a proposal, once this replica has applied it.</summary>
/// <param name="Status">Whether it was applied.</param>
/// <param name="Position">The entry that carries it.</param>
/// <param name="Payload">The state machine's answer.</param>
public sealed record ProposalResult(ProposalStatus Status, long Position, ReadOnlyMemory<byte> Payload)
{
    /// <summary>A read <see cref="ReadLevel.After"/> this sees the proposal's effects.</summary>
    public long Next => Position + 1;
}
