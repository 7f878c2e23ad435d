using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Delos.Protocol.Identity;

/// <summary>The name of one Loglet: 128 random bits, drawn when its config is made and never reused.</summary>
public readonly record struct LogletId(UInt128 Value) : IComparable<LogletId>
{
    /// <summary>Bytes on the wire and on disk.</summary>
    public const int Size = 16;

    public static LogletId NewRandom()
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        return Read(bytes);
    }

    public static LogletId Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt128LittleEndian(source));

    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt128LittleEndian(destination, Value);

    /// <summary>Parses 32 hexadecimal digits, the form that <see cref="ToString"/> gives.</summary>
    public static bool TryParse(string? text, out LogletId id)
    {
        id = default;
        if (text is not { Length: 32 } || !UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) return false;
        id = new LogletId(value);
        return true;
    }

    public int CompareTo(LogletId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}
