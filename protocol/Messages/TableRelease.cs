using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Client → table node: a hold on a view ends. Not answered; nothing happens if it has ended already, so it may be said again, and on another connection.</summary>
/// <param name="Hold">The hold's id, as <see cref="TableReadReply"/> gave it.</param>
public readonly record struct TableRelease(ulong Hold) : IMessage<TableRelease>
{
    public static FrameType Type => FrameType.TableRelease;

    public int Size => 8;

    public void Write(ref MessageWriter writer) => writer.U64(Hold);

    public static bool TryRead(ref MessageReader reader, out TableRelease message)
    {
        message = new TableRelease(reader.U64());
        return reader.IsComplete;
    }
}
