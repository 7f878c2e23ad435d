using System.Buffers.Binary;
using System.Text;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Writes the fields of a message one behind the other into a buffer of exactly the message's size.</summary>
public ref struct MessageWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    public int Position { get; private set; }

    public void U8(byte value) => Take(1)[0] = value;

    public void Bool(bool value) => U8(value ? (byte)1 : (byte)0);

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void Loglet(LogletId id) => id.Write(Take(LogletId.Size));

    public void Guid(Guid value) => value.TryWriteBytes(Take(16));

    /// <summary>Length (4 bytes), then the bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        U32((uint)value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>Length in bytes (4 bytes), then UTF-8.</summary>
    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        U32((uint)length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    public static int SizeOf(string value) => 4 + Encoding.UTF8.GetByteCount(value);

    public static int SizeOf(ReadOnlyMemory<byte> value) => 4 + value.Length;

    private Span<byte> Take(int count)
    {
        var span = _buffer.Slice(Position, count);
        Position += count;
        return span;
    }
}
