using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Delos.Daemon.Storage;

/// <summary>
/// A generation's directory: <c>g00000003-26-21-0123456789abcdef</c> (number, bits of a file's size, bits of a page's size, nonce). What recovery must know
/// before it can read a byte is in the name, which a rename makes durable as a whole. A trailing <c>b</c> marks a base: everything older is obsolete.
/// </summary>
internal readonly record struct GenerationName(uint Number, int FileBits, int PageBits, ulong Nonce, bool IsBase = false)
{
    public const string ClosedMarker = "closed";

    public int FileBytes => 1 << FileBits;

    public int PageBytes => 1 << PageBits;

    public static GenerationName New(uint number, StorageOptions options, bool isBase = false) => new(
        number,
        BitOperations.Log2((uint)options.SegmentFileBytes),
        BitOperations.Log2((uint)options.PageBytes),
        BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1,
        isBase);

    public static string FileName(int index) => string.Create(CultureInfo.InvariantCulture, $"{index:d8}.seg");

    /// <summary>The index of a file by its name, or -1.</summary>
    public static int FileIndex(ReadOnlySpan<char> name) =>
        name.Length == 12 && name.EndsWith(".seg") && int.TryParse(name[..8], NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : -1;

    public static bool TryParse(string name, out GenerationName generation)
    {
        generation = default;
        var parts = name.Split('-');
        if (parts.Length is not (4 or 5) || parts[0].Length != 9 || parts[0][0] != 'g' || (parts.Length == 5 && parts[4] != "b")) return false;
        if (!uint.TryParse(parts[0].AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)) return false;
        if (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var fileBits) || fileBits is < 16 or > 30) return false;
        if (!int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var pageBits) || pageBits < 16 || pageBits > fileBits) return false;
        if (!ulong.TryParse(parts[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var nonce)) return false;
        generation = new GenerationName(number, fileBits, pageBits, nonce, parts.Length == 5);

        // Its files are found by the name as it is written.
        return generation.ToString() == name;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"g{Number:x8}-{FileBits:d2}-{PageBits:d2}-{Nonce:x16}{(IsBase ? "-b" : "")}");
}
