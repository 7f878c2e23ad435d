using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Asks the peer for a sign of life.</summary>
public readonly record struct Ping : IMessage<Ping>
{
    public static FrameType Type => FrameType.Ping;

    public int Size => 0;

    public void Write(ref MessageWriter writer)
    {
    }

    public static bool TryRead(ref MessageReader reader, out Ping message)
    {
        message = default;
        return true;
    }
}

/// <summary>The sign of life.</summary>
public readonly record struct Pong : IMessage<Pong>
{
    public static FrameType Type => FrameType.Pong;

    public int Size => 0;

    public void Write(ref MessageWriter writer)
    {
    }

    public static bool TryRead(ref MessageReader reader, out Pong message)
    {
        message = default;
        return true;
    }
}
