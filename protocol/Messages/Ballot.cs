namespace Delos.Protocol.Messages;

/// <summary>A Paxos ballot: ordered by round, then by the proposer's random incarnation, so that no two proposers ever share one. Zero: none.</summary>
public readonly record struct Ballot(ulong Round, ulong Proposer) : IComparable<Ballot>
{
    public const int Size = 16;

    public bool IsNone => Round == 0;

    public int CompareTo(Ballot other) => Round != other.Round ? Round.CompareTo(other.Round) : Proposer.CompareTo(other.Proposer);

    public static bool operator <(Ballot a, Ballot b) => a.CompareTo(b) < 0;

    public static bool operator >(Ballot a, Ballot b) => a.CompareTo(b) > 0;

    public static bool operator <=(Ballot a, Ballot b) => a.CompareTo(b) <= 0;

    public static bool operator >=(Ballot a, Ballot b) => a.CompareTo(b) >= 0;

    public void Write(ref MessageWriter writer)
    {
        writer.U64(Round);
        writer.U64(Proposer);
    }

    public static Ballot Read(ref MessageReader reader) => new(reader.U64(), reader.U64());

    public override string ToString() => $"{Round}.{Proposer:x16}";
}
