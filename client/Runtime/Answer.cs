namespace Delos.Runtime;

/// <summary>What a proposal came to.</summary>
/// <param name="Status">Whether it was applied.</param>
/// <param name="Payload">The state machine's answer.</param>
internal readonly record struct Answer(ProposalStatus Status, ReadOnlyMemory<byte> Payload);
