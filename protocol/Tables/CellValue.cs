using System.Globalization;
using System.Text;

namespace Delos.Protocol.Tables;

/// <summary>
/// One value of a row, or null. Immutable; numbers are not boxed. The order is total and the same as that of <see cref="KeyCodec"/>'s bytes: null, then by type, then by value. Doubles: -∞ … -0 &lt; +0 … +∞ &lt; NaN;
/// -0 and +0 are two values, all NaNs are one.
/// </summary>
public readonly struct CellValue : IEquatable<CellValue>, IComparable<CellValue>
{
    /// <summary>The bits of the one NaN that is kept.</summary>
    internal const long CanonicalNaN = 0x7FF8_0000_0000_0000;

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly byte[]? _bytes;
    private readonly long _bits;

    private CellValue(ColumnType type, long bits, byte[]? bytes)
    {
        Type = type;
        _bits = bits;
        _bytes = bytes;
    }

    /// <summary>No value. Also what <c>default</c> is.</summary>
    public static CellValue Null => default;

    /// <summary><see cref="ColumnType.Null"/> for a null.</summary>
    public ColumnType Type { get; }

    public bool IsNull => Type == ColumnType.Null;

    /// <summary>Of a string (its UTF-8) or bytes; empty for all else.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Bytes that it takes in a row's encoding, <see cref="CellCodec"/>.</summary>
    public int Size => 1 + Type switch
    {
        ColumnType.Null => 0,
        ColumnType.Bool => 1,
        ColumnType.String or ColumnType.Bytes => 4 + _bytes!.Length,
        _ => 8,
    };

    /// <summary>The 64 bits of a number, timestamp or Boolean.</summary>
    internal long Bits => _bits;

    /// <summary>A number whose signed order is the value's order within its type.</summary>
    internal long Ordered => Type == ColumnType.Double && _bits < 0 ? _bits ^ long.MaxValue : _bits;

    public static CellValue Of(long value) => new(ColumnType.Int64, value, null);

    /// <summary>NaNs become one: a quiet one with sign and payload 0.</summary>
    public static CellValue Of(double value) => new(ColumnType.Double, double.IsNaN(value) ? CanonicalNaN : BitConverter.DoubleToInt64Bits(value), null);

    public static CellValue Of(bool value) => new(ColumnType.Bool, value ? 1 : 0, null);

    /// <exception cref="ArgumentException">Half of a surrogate pair, which UTF-8 has no bytes for.</exception>
    public static CellValue Of(string value) => new(ColumnType.String, 0, s_strictUtf8.GetBytes(value));

    /// <summary>A copy of the bytes.</summary>
    public static CellValue Of(ReadOnlySpan<byte> value) => new(ColumnType.Bytes, 0, value.ToArray());

    public static CellValue Of(byte[] value) => Of(value.AsSpan());

    /// <summary>To the microsecond, rounded down.</summary>
    public static CellValue Of(DateTimeOffset value) => Timestamp(MicrosOf(value));

    /// <param name="micros">Microseconds since 1970-01-01 00:00 UTC.</param>
    public static CellValue Timestamp(long micros) => new(ColumnType.Timestamp, micros, null);

    public static implicit operator CellValue(long value) => Of(value);

    public static implicit operator CellValue(double value) => Of(value);

    public static implicit operator CellValue(bool value) => Of(value);

    public static implicit operator CellValue(string value) => Of(value);

    public static implicit operator CellValue(byte[] value) => Of(value);

    public static implicit operator CellValue(DateTimeOffset value) => Of(value);

    public static bool operator ==(CellValue left, CellValue right) => left.Equals(right);

    public static bool operator !=(CellValue left, CellValue right) => !left.Equals(right);

    public static bool operator <(CellValue left, CellValue right) => left.CompareTo(right) < 0;

    public static bool operator >(CellValue left, CellValue right) => left.CompareTo(right) > 0;

    public static bool operator <=(CellValue left, CellValue right) => left.CompareTo(right) <= 0;

    public static bool operator >=(CellValue left, CellValue right) => left.CompareTo(right) >= 0;

    /// <exception cref="InvalidOperationException">It is not an integer.</exception>
    public long AsInt64() => Expect(ColumnType.Int64)._bits;

    /// <exception cref="InvalidOperationException">It is not a double.</exception>
    public double AsDouble() => BitConverter.Int64BitsToDouble(Expect(ColumnType.Double)._bits);

    /// <exception cref="InvalidOperationException">It is not a Boolean.</exception>
    public bool AsBool() => Expect(ColumnType.Bool)._bits != 0;

    /// <exception cref="InvalidOperationException">It is not a string.</exception>
    public string AsString() => s_strictUtf8.GetString(Expect(ColumnType.String)._bytes!);

    /// <exception cref="InvalidOperationException">It is not bytes.</exception>
    public byte[] AsBytes() => [.. Expect(ColumnType.Bytes)._bytes!];

    /// <summary>Microseconds since 1970-01-01 00:00 UTC.</summary>
    /// <exception cref="InvalidOperationException">It is not a timestamp.</exception>
    public long AsTimestamp() => Expect(ColumnType.Timestamp)._bits;

    public int CompareTo(CellValue other)
    {
        if (Type != other.Type) return Type.CompareTo(other.Type);
        return _bytes is null ? Ordered.CompareTo(other.Ordered) : _bytes.AsSpan().SequenceCompareTo(other._bytes);
    }

    public bool Equals(CellValue other) => Type == other.Type && _bits == other._bits && Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is CellValue other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Type);
        hash.Add(_bits);
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>For people. Not for state machines: numbers are formatted.</summary>
    public override string ToString() => Type switch
    {
        ColumnType.Null => "null",
        ColumnType.Int64 => _bits.ToString(CultureInfo.InvariantCulture),
        ColumnType.Double => AsDouble().ToString("R", CultureInfo.InvariantCulture),
        ColumnType.String => AsString(),
        ColumnType.Bytes => "0x" + Convert.ToHexStringLower(_bytes!),
        ColumnType.Bool => _bits != 0 ? "true" : "false",
        _ => _bits.ToString(CultureInfo.InvariantCulture) + "us",
    };

    /// <summary>Microseconds since 1970-01-01 00:00 UTC, rounded down.</summary>
    public static long MicrosOf(DateTimeOffset time) => (long)Math.Floor((time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / (decimal)TimeSpan.TicksPerMicrosecond);

    /// <summary>Takes the bytes without a copy; false if they are not what the type allows.</summary>
    internal static bool TryTake(ColumnType type, byte[] bytes, out CellValue value)
    {
        var valid = type == ColumnType.Bytes || (type == ColumnType.String && System.Text.Unicode.Utf8.IsValid(bytes));
        value = valid ? new CellValue(type, 0, bytes) : default;
        return valid;
    }

    /// <summary>False if no value of the type has these bits.</summary>
    internal static bool TryTake(ColumnType type, long bits, out CellValue value)
    {
        var valid = type switch
        {
            ColumnType.Int64 or ColumnType.Timestamp => true,
            ColumnType.Bool => bits is 0 or 1,
            ColumnType.Double => bits == CanonicalNaN || !double.IsNaN(BitConverter.Int64BitsToDouble(bits)),
            _ => false,
        };
        value = valid ? new CellValue(type, bits, null) : default;
        return valid;
    }

    private CellValue Expect(ColumnType type) => Type == type ? this : throw new InvalidOperationException($"The value is of type {Type}, not {type}.");
}
