using System.Buffers.Binary;

namespace Delos.Protocol.Tables;

/// <summary>
/// Keys whose bytes, compared as unsigned, are in the order of the values that they are made of. Each component begins with a tag and ends itself, so that components can be put one behind the other, and none is a
/// prefix of another. See docs/tables.md, "Keys".
/// </summary>
public static class KeyCodec
{
    private const byte NullTag = 0x01;
    private const byte TypeTag = 0x10;
    private const byte Escape = 0x00;
    private const byte EscapedZero = 0xFF;
    private const byte Terminator = 0x01;
    private const ulong SignBit = 1UL << 63;

    /// <summary>Appends one component.</summary>
    public static void Append(ByteBuilder key, in CellValue value)
    {
        if (value.IsNull)
        {
            key.U8(NullTag);
            return;
        }

        AppendStart(key, value);
        if (value.Type is not (ColumnType.String or ColumnType.Bytes)) return;
        key.U8(Escape);
        key.U8(Terminator);
    }

    /// <summary>Appends what all strings (or byte strings) that begin with this one have in common: the component without its end. Of other types: the component.</summary>
    public static void AppendStart(ByteBuilder key, in CellValue value)
    {
        key.U8((byte)(TypeTag | (byte)value.Type));
        switch (value.Type)
        {
            case ColumnType.String or ColumnType.Bytes:
                AppendEscaped(key, value.Span);
                break;
            case ColumnType.Bool:
                key.U8((byte)value.Bits);
                break;
            default:
                key.U64BigEndian((ulong)value.Ordered ^ SignBit);
                break;
        }
    }

    public static void AppendAll(ByteBuilder key, IReadOnlyList<CellValue> values)
    {
        for (var i = 0; i < values.Count; i++) Append(key, values[i]);
    }

    /// <summary>Takes one component off the front. False: there is none, or it is damaged.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> key, out CellValue value)
    {
        value = default;
        if (!TrySplit(ref key, out var component)) return false;
        var type = TypeOf(component[0]);
        switch (type)
        {
            case ColumnType.Null:
                return true;
            case ColumnType.String or ColumnType.Bytes:
                return CellValue.TryTake(type, Unescape(component[1..^2]), out value);
            case ColumnType.Bool:
                return CellValue.TryTake(type, component[1], out value);
            default:
                var ordered = (long)(BinaryPrimitives.ReadUInt64BigEndian(component[1..]) ^ SignBit);
                return CellValue.TryTake(type, type == ColumnType.Double && ordered < 0 ? ordered ^ long.MaxValue : ordered, out value);
        }
    }

    /// <summary>Takes so many components off the front without looking into them.</summary>
    public static bool TrySkip(ref ReadOnlySpan<byte> key, int components)
    {
        for (; components > 0; components--)
        {
            if (!TrySplit(ref key, out _)) return false;
        }

        return true;
    }

    /// <summary>The lowest key above all that begin with this one; empty (no upper bound) if there is none.</summary>
    public static byte[] Successor(ReadOnlySpan<byte> prefix)
    {
        var length = prefix.Length;
        while (length > 0 && prefix[length - 1] == 0xFF) length--;
        var successor = prefix[..length].ToArray();
        if (length > 0) successor[^1]++;
        return successor;
    }

    private static bool TrySplit(ref ReadOnlySpan<byte> key, out ReadOnlySpan<byte> component)
    {
        component = default;
        if (key.IsEmpty) return false;
        var length = TypeOf(key[0]) switch
        {
            ColumnType.Null => key[0] == NullTag ? 1 : -1,
            ColumnType.String or ColumnType.Bytes => EscapedLength(key),
            ColumnType.Bool => 2,
            _ => 9,
        };
        if (length < 0 || length > key.Length) return false;
        component = key[..length];
        key = key[length..];
        return true;
    }

    private static ColumnType TypeOf(byte tag) => tag is > TypeTag and <= (TypeTag | (byte)ColumnType.Timestamp) ? (ColumnType)(tag ^ TypeTag) : ColumnType.Null;

    /// <summary>Of tag, escaped bytes and terminator; -1: it does not end.</summary>
    private static int EscapedLength(ReadOnlySpan<byte> key)
    {
        for (var i = 1; i < key.Length - 1; i++)
        {
            if (key[i] != Escape) continue;
            i++;
            if (key[i] == Terminator) return i + 1;
            if (key[i] != EscapedZero) return -1;
        }

        return -1;
    }

    private static void AppendEscaped(ByteBuilder key, ReadOnlySpan<byte> bytes)
    {
        for (var zero = bytes.IndexOf(Escape); zero >= 0; zero = bytes.IndexOf(Escape))
        {
            key.Raw(bytes[..(zero + 1)]);
            key.U8(EscapedZero);
            bytes = bytes[(zero + 1)..];
        }

        key.Raw(bytes);
    }

    private static byte[] Unescape(ReadOnlySpan<byte> escaped)
    {
        var bytes = new byte[escaped.Length - escaped.Count(Escape)];
        for (int i = 0, to = 0; i < escaped.Length; i++)
        {
            bytes[to++] = escaped[i];
            if (escaped[i] == Escape) i++;
        }

        return bytes;
    }
}
