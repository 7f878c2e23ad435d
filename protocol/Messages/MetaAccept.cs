using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Proposer → acceptor: phase 2.</summary>
/// <param name="Register">The register's name.</param>
/// <param name="Instance">Version, from 1.</param>
/// <param name="Ballot">As promised.</param>
/// <param name="Value">A RegisterValue.</param>
public readonly record struct MetaAccept(string Register, ulong Instance, Ballot Ballot, ReadOnlyMemory<byte> Value) : IMessage<MetaAccept>
{
    public static FrameType Type => FrameType.MetaAccept;

    public int Size => 24 + MessageWriter.SizeOf(Register) + MessageWriter.SizeOf(Value);

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Register);
        writer.U64(Instance);
        Ballot.Write(ref writer);
        writer.Bytes(Value.Span);
    }

    public static bool TryRead(ref MessageReader reader, out MetaAccept message)
    {
        var register = reader.Text();
        var instance = reader.U64();
        var ballot = Ballot.Read(ref reader);
        var value = reader.Bytes();
        message = new MetaAccept(register, instance, ballot, value);
        return reader.IsComplete;
    }
}

/// <summary>Ok: accepted, durably.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Promised">The highest promised ballot.</param>
/// <param name="NewestInstance">Newest instance with an accepted value; 0: none.</param>
public readonly record struct MetaAcceptReply(StatusCode Status, Ballot Promised, ulong NewestInstance) : IMessage<MetaAcceptReply>
{
    public static FrameType Type => FrameType.MetaAcceptReply;

    public int Size => 26;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        Promised.Write(ref writer);
        writer.U64(NewestInstance);
    }

    public static bool TryRead(ref MessageReader reader, out MetaAcceptReply message)
    {
        var status = (StatusCode)reader.U16();
        var promised = Ballot.Read(ref reader);
        var newestInstance = reader.U64();
        message = new MetaAcceptReply(status, promised, newestInstance);
        return reader.IsComplete;
    }
}
