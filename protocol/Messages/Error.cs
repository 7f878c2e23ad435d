using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>As a reply: that request failed. Without <see cref="FrameFlags.Reply"/>: the sender closes the connection, and this is why.</summary>
public readonly record struct Error(StatusCode Code, string Text) : IMessage<Error>
{
    public static FrameType Type => FrameType.Error;

    public int Size => 2 + MessageWriter.SizeOf(Text);

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Code);
        writer.Text(Text);
    }

    public static bool TryRead(ref MessageReader reader, out Error message)
    {
        message = new Error((StatusCode)reader.U16(), reader.Text());
        return !reader.Failed;
    }
}
