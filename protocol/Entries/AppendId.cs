namespace Delos.Protocol.Entries;

/// <summary>Names one append for ever, so that a resend is recognised (DESIGN §3, exactly-once append).</summary>
/// <param name="ClientId">64 random bits, drawn by each open log handle.</param>
/// <param name="Sequence">Counts that handle's appends from 1.</param>
public readonly record struct AppendId(ulong ClientId, ulong Sequence)
{
    public override string ToString() => $"{ClientId:x16}:{Sequence}";
}
