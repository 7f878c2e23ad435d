using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Delos.Protocol.Identity;

/// <summary>The name of one Loglet: 128 random bits, drawn when its config is made and never reused.</summary>
/// <remarks>Two halves and no <see cref="UInt128"/>: how that is passed may yet change, so the ahead-of-time compiler leaves every method that takes one to the first caller at run time.</remarks>
public readonly record struct LogletId(ulong High, ulong Low) : IComparable<LogletId>
{
    /// <summary>Bytes on the wire and on disk.</summary>
    public const int Size = 16;

    public static LogletId NewRandom()
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        return Read(bytes);
    }

    /// <summary>Little-endian: the low half first.</summary>
    public static LogletId Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], High);
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Low);
    }

    /// <summary>Parses 32 hexadecimal digits, the form that <see cref="ToString"/> gives.</summary>
    public static bool TryParse(string? text, out LogletId id)
    {
        id = default;
        if (text is not { Length: 32 } || !TryParseHalf(text.AsSpan(0, 16), out var high) || !TryParseHalf(text.AsSpan(16), out var low)) return false;
        id = new LogletId(high, low);
        return true;
    }

    public int CompareTo(LogletId other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");

    private static bool TryParseHalf(ReadOnlySpan<char> text, out ulong value) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
