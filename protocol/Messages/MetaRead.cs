using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Anybody → acceptor: its newest accepted value. One answer alone proves nothing (trap 16).</summary>
/// <param name="Register">The register's name.</param>
public readonly record struct MetaRead(string Register) : IMessage<MetaRead>
{
    public static FrameType Type => FrameType.MetaRead;

    public int Size => MessageWriter.SizeOf(Register);

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Register);
    }

    public static bool TryRead(ref MessageReader reader, out MetaRead message)
    {
        var register = reader.Text();
        message = new MetaRead(register);
        return reader.IsComplete;
    }
}

/// <summary>What the acceptor holds.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="NewestInstance">Newest instance with an accepted value; 0: none.</param>
/// <param name="Accepted">Its ballot.</param>
/// <param name="Value">Its value.</param>
public readonly record struct MetaReadReply(StatusCode Status, ulong NewestInstance, Ballot Accepted, ReadOnlyMemory<byte> Value) : IMessage<MetaReadReply>
{
    public static FrameType Type => FrameType.MetaReadReply;

    public int Size => 26 + MessageWriter.SizeOf(Value);

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.U64(NewestInstance);
        Accepted.Write(ref writer);
        writer.Bytes(Value.Span);
    }

    public static bool TryRead(ref MessageReader reader, out MetaReadReply message)
    {
        var status = (StatusCode)reader.U16();
        var newestInstance = reader.U64();
        var accepted = Ballot.Read(ref reader);
        var value = reader.Bytes();
        message = new MetaReadReply(status, newestInstance, accepted, value);
        return reader.IsComplete;
    }
}
