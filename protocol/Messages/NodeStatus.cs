using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Operator or monitor → node: what it is and does.</summary>
/// <param name="Brief">Only identity and incarnation; no list of Loglets.</param>
public readonly record struct NodeStatus(bool Brief) : IMessage<NodeStatus>
{
    public static FrameType Type => FrameType.NodeStatus;

    public int Size => 1;

    public void Write(ref MessageWriter writer)
    {
        writer.Bool(Brief);
    }

    public static bool TryRead(ref MessageReader reader, out NodeStatus message)
    {
        var brief = reader.Bool();
        message = new NodeStatus(brief);
        return reader.IsComplete;
    }
}

/// <summary>UTF-8 JSON, see NodeStatusDocument.</summary>
/// <param name="Json">The document.</param>
public readonly record struct NodeStatusReply(ReadOnlyMemory<byte> Json) : IMessage<NodeStatusReply>
{
    public static FrameType Type => FrameType.NodeStatusReply;

    public int Size => MessageWriter.SizeOf(Json);

    public void Write(ref MessageWriter writer)
    {
        writer.Bytes(Json.Span);
    }

    public static bool TryRead(ref MessageReader reader, out NodeStatusReply message)
    {
        var json = reader.Bytes();
        message = new NodeStatusReply(json);
        return reader.IsComplete;
    }
}
