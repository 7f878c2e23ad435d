using System.Buffers.Binary;
using System.Text;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Reads the fields of a message. Running past the end makes <see cref="IsComplete"/> false and every later field zero; nothing throws.</summary>
public ref struct MessageReader(ReadOnlySpan<byte> buffer)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = buffer;
    private bool _failed;

    /// <summary>True if every field was there and nothing is left over.</summary>
    public readonly bool IsComplete => !_failed && _rest.IsEmpty;

    public readonly bool Failed => _failed;

    public readonly int Remaining => _rest.Length;

    public byte U8() => Take(1, out var span) ? span[0] : (byte)0;

    public bool Bool()
    {
        var value = U8();
        if (value > 1) _failed = true;
        return value == 1;
    }

    public ushort U16() => Take(2, out var span) ? BinaryPrimitives.ReadUInt16LittleEndian(span) : (ushort)0;

    public uint U32() => Take(4, out var span) ? BinaryPrimitives.ReadUInt32LittleEndian(span) : 0;

    public ulong U64() => Take(8, out var span) ? BinaryPrimitives.ReadUInt64LittleEndian(span) : 0;

    public long I64() => Take(8, out var span) ? BinaryPrimitives.ReadInt64LittleEndian(span) : 0;

    /// <summary>A position or tail: not negative.</summary>
    public long Position()
    {
        var value = I64();
        if (value < 0) _failed = true;
        return value;
    }

    public LogletId Loglet() => Take(LogletId.Size, out var span) ? LogletId.Read(span) : default;

    public Guid Guid() => Take(16, out var span) ? new Guid(span) : default;

    /// <summary>A copy of a length-prefixed byte string.</summary>
    public byte[] Bytes() => Take(Length(), out var span) ? span.ToArray() : [];

    /// <summary>A length-prefixed byte string where it lies.</summary>
    public ReadOnlySpan<byte> BytesInPlace() => Take(Length(), out var span) ? span : default;

    public string Text()
    {
        if (!Take(Length(), out var span)) return "";
        try
        {
            return s_strictUtf8.GetString(span);
        }
        catch (DecoderFallbackException)
        {
            _failed = true;
            return "";
        }
    }

    /// <summary>A count of things of which each takes at least <paramref name="minimumSize"/> bytes, so that a forged count cannot make the reader allocate.</summary>
    public int Count(int minimumSize)
    {
        var count = U32();
        if (count > (uint)(_rest.Length / Math.Max(1, minimumSize))) _failed = true;
        return _failed ? 0 : (int)count;
    }

    public void Fail() => _failed = true;

    private int Length()
    {
        var length = U32();
        if (length > (uint)_rest.Length) _failed = true;
        return _failed ? 0 : (int)length;
    }

    private bool Take(int count, out ReadOnlySpan<byte> span)
    {
        if (_failed || _rest.Length < count)
        {
            _failed = true;
            span = default;
            return false;
        }

        span = _rest[..count];
        _rest = _rest[count..];
        return true;
    }
}
