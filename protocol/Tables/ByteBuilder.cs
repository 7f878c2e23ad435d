using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Delos.Protocol.Tables;

/// <summary>Writes fields one behind the other into a buffer that grows: what <see cref="Messages.MessageReader"/> reads (little-endian), and the big-endian numbers of keys. Can be used again after <see cref="Clear"/>.</summary>
public sealed class ByteBuilder(int capacity = 64)
{
    private const int LargestScratch = 1 << 16;
    private const int LargestOwn = 4096;

    [ThreadStatic]
    private static ByteBuilder? t_scratch;

    [ThreadStatic]
    private static ByteBuilder? t_spare;

    [ThreadStatic]
    private static ByteBuilder? t_secondSpare;

    private byte[] _buffer = new byte[Math.Max(16, capacity)];

    // A large one is the pool's: whole pages of rows are built in it, again and again, and the collector takes long over what is that large.
    private bool _isPooled;

    /// <summary>An empty one of this thread's own, for what is built and copied at once: the next call takes it back.</summary>
    internal static ByteBuilder Scratch
    {
        get
        {
            t_scratch ??= new ByteBuilder(512);
            if (t_scratch._buffer.Length > LargestScratch) t_scratch.LetGo();
            return t_scratch.Clear();
        }
    }

    public int Length { get; private set; }

    /// <summary>An empty one, to be given back to this thread by <see cref="Return"/>: for what is built out of objects of callers, whose code may build something, too. One that is not given back is no loss.</summary>
    internal static ByteBuilder Rent()
    {
        var spare = t_spare;
        (t_spare, t_secondSpare) = (t_secondSpare, null);
        return spare?.Clear() ?? new ByteBuilder(512);
    }

    /// <summary>It is not used any more.</summary>
    internal void Return()
    {
        LetGo();
        (t_spare, t_secondSpare) = (this, t_spare);
    }

    /// <summary>What was written; the builder is not used any more.</summary>
    internal byte[] ToArrayAndReturn()
    {
        var bytes = ToArray();
        Return();
        return bytes;
    }

    /// <summary>Valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <inheritdoc cref="Written"/>
    internal ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, Length);

    public byte[] ToArray() => Written.ToArray();

    public ByteBuilder Clear()
    {
        Length = 0;
        return this;
    }

    public void U8(byte value) => Take(1)[0] = value;

    public void Bool(bool value) => U8(value ? (byte)1 : (byte)0);

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void U32BigEndian(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);

    public void U64BigEndian(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);

    /// <summary>Length (4 bytes), then the bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        U32((uint)value.Length);
        Raw(value);
    }

    /// <summary>Length in bytes (4 bytes), then UTF-8.</summary>
    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        U32((uint)length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    private Span<byte> Take(int count)
    {
        if (Length + count > _buffer.Length) Grow(Math.Max(_buffer.Length * (_isPooled ? 4 : 2), Length + count));
        var span = _buffer.AsSpan(Length, count);
        Length += count;
        return span;
    }

    private void Grow(int size)
    {
        var isPooled = size > LargestOwn;
        var larger = isPooled ? ArrayPool<byte>.Shared.Rent(size) : new byte[size];
        Written.CopyTo(larger);
        var (smaller, wasPooled) = (_buffer, _isPooled);
        (_buffer, _isPooled) = (larger, isPooled);
        if (wasPooled) ArrayPool<byte>.Shared.Return(smaller);
    }

    private void LetGo()
    {
        if (!_isPooled) return;
        var pooled = _buffer;
        (_buffer, _isPooled, Length) = (new byte[512], false, 0);
        ArrayPool<byte>.Shared.Return(pooled);
    }
}
