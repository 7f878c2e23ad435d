using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Transport;

/// <summary>A message of two numbers under the type of a real one.</summary>
internal readonly record struct TestMessage(ulong A, ulong B) : IMessage<TestMessage>
{
    public static FrameType Type => FrameType.Append;

    public int Size => 16;

    public void Write(ref MessageWriter writer)
    {
        writer.U64(A);
        writer.U64(B);
    }

    public static bool TryRead(ref MessageReader reader, out TestMessage message)
    {
        message = new TestMessage(reader.U64(), reader.U64());
        return !reader.Failed;
    }
}

/// <summary>A message as large as one likes.</summary>
internal readonly record struct LargeMessage(ReadOnlyMemory<byte> Bytes) : IMessage<LargeMessage>
{
    public static FrameType Type => FrameType.MetaAccept;

    public int Size => MessageWriter.SizeOf(Bytes);

    public void Write(ref MessageWriter writer) => writer.Bytes(Bytes.Span);

    public static bool TryRead(ref MessageReader reader, out LargeMessage message)
    {
        message = new LargeMessage(reader.Bytes());
        return !reader.Failed;
    }
}
