using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Anybody → acceptor: names of the registers that begin with Prefix.</summary>
/// <param name="Prefix">May be empty.</param>
public readonly record struct MetaList(string Prefix) : IMessage<MetaList>
{
    public static FrameType Type => FrameType.MetaList;

    public int Size => MessageWriter.SizeOf(Prefix);

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Prefix);
    }

    public static bool TryRead(ref MessageReader reader, out MetaList message)
    {
        var prefix = reader.Text();
        message = new MetaList(prefix);
        return reader.IsComplete;
    }
}

/// <summary>The names, sorted.</summary>
public readonly record struct MetaListReply(StatusCode Status, IReadOnlyList<string> Names) : IMessage<MetaListReply>
{
    public static FrameType Type => FrameType.MetaListReply;

    public int Size
    {
        get
        {
            var size = 2 + 4;
            foreach (var name in Names) size += MessageWriter.SizeOf(name);
            return size;
        }
    }

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.U32((uint)Names.Count);
        foreach (var name in Names) writer.Text(name);
    }

    public static bool TryRead(ref MessageReader reader, out MetaListReply message)
    {
        var status = (StatusCode)reader.U16();
        var names = new string[reader.Count(minimumSize: 4)];
        for (var i = 0; i < names.Length; i++) names[i] = reader.Text();
        message = new MetaListReply(status, names);
        return reader.IsComplete;
    }
}
