using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Proposer → acceptor: phase 1 of the instance that decides version Instance of a register.</summary>
/// <param name="Register">The register's name.</param>
/// <param name="Instance">Version, from 1.</param>
/// <param name="Ballot">Random part: the proposer's incarnation.</param>
public readonly record struct MetaPrepare(string Register, ulong Instance, Ballot Ballot) : IMessage<MetaPrepare>
{
    public static FrameType Type => FrameType.MetaPrepare;

    public int Size => 24 + MessageWriter.SizeOf(Register);

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Register);
        writer.U64(Instance);
        Ballot.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out MetaPrepare message)
    {
        var register = reader.Text();
        var instance = reader.U64();
        var ballot = Ballot.Read(ref reader);
        message = new MetaPrepare(register, instance, ballot);
        return reader.IsComplete;
    }
}

/// <summary>Ok: promised, durably. Rejected: a higher ballot was promised. Superseded: a later instance was accepted; Accepted and Value are those of NewestInstance.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Promised">The highest promised ballot.</param>
/// <param name="NewestInstance">Newest instance with an accepted value; 0: none.</param>
/// <param name="Accepted">Ballot of the accepted value (of Instance, or of NewestInstance when Superseded); zero: none.</param>
/// <param name="Value">That value.</param>
public readonly record struct MetaPrepareReply(StatusCode Status, Ballot Promised, ulong NewestInstance, Ballot Accepted, ReadOnlyMemory<byte> Value) : IMessage<MetaPrepareReply>
{
    public static FrameType Type => FrameType.MetaPrepareReply;

    public int Size => 42 + MessageWriter.SizeOf(Value);

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        Promised.Write(ref writer);
        writer.U64(NewestInstance);
        Accepted.Write(ref writer);
        writer.Bytes(Value.Span);
    }

    public static bool TryRead(ref MessageReader reader, out MetaPrepareReply message)
    {
        var status = (StatusCode)reader.U16();
        var promised = Ballot.Read(ref reader);
        var newestInstance = reader.U64();
        var accepted = Ballot.Read(ref reader);
        var value = reader.Bytes();
        message = new MetaPrepareReply(status, promised, newestInstance, accepted, value);
        return reader.IsComplete;
    }
}
