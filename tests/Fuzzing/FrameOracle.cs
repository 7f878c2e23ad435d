using Delos.Protocol.Framing;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// What docs/protocol.md says of the front of a stream, written a second time without looking at <see cref="FrameParser"/>: byte by byte from one array, with a table of its own for CRC-32C.
/// </summary>
internal static class FrameOracle
{
    private const int HeaderBytes = 24;

    private static readonly uint[] s_table = Table();
    private static readonly bool[] s_types = Types();

    /// <summary>The verdict on the bytes that have arrived; for a frame, its length.</summary>
    public static (ParseResult Result, StatusCode Error, long Length) Judge(ReadOnlySpan<byte> bytes, int maxFrameBytes)
    {
        if (bytes.Length < HeaderBytes) return (ParseResult.NeedMore, StatusCode.Ok, 0);
        var length = Number(bytes, 0, 4);
        var metadata = Number(bytes, 16, 4);
        if (length > maxFrameBytes) return (ParseResult.Bad, StatusCode.LimitExceeded, 0);
        if (length < HeaderBytes || HeaderBytes + metadata > length) return (ParseResult.Bad, StatusCode.Malformed, 0);
        if (bytes[4] != 1) return (ParseResult.Bad, StatusCode.UnsupportedVersion, 0);
        if (bytes.Length < HeaderBytes + metadata) return (ParseResult.NeedMore, StatusCode.Ok, length);
        if (Crc(bytes, (int)metadata) != Number(bytes, 20, 4)) return (ParseResult.Bad, StatusCode.Malformed, 0);
        if (!s_types[bytes[5]]) return (ParseResult.Bad, StatusCode.Malformed, 0);
        return (bytes.Length < length ? ParseResult.NeedMore : ParseResult.Frame, StatusCode.Ok, length);
    }

    /// <summary>Of the header's first 20 bytes and the metadata.</summary>
    public static uint Crc(ReadOnlySpan<byte> frame, int metadata)
    {
        var crc = 0xFFFFFFFFu;
        for (var i = 0; i < 20; i++) crc = s_table[(byte)(crc ^ frame[i])] ^ (crc >> 8);
        for (var i = HeaderBytes; i < HeaderBytes + metadata; i++) crc = s_table[(byte)(crc ^ frame[i])] ^ (crc >> 8);
        return ~crc;
    }

    private static long Number(ReadOnlySpan<byte> bytes, int at, int count)
    {
        long value = 0;
        for (var i = count - 1; i >= 0; i--) value = (value << 8) | bytes[at + i];
        return value;
    }

    /// <summary>The protocol's types, which golden tests hold.</summary>
    private static bool[] Types()
    {
        var types = new bool[256];
        foreach (var type in Enum.GetValues<FrameType>()) types[(byte)type] = true;
        types[0] = false;
        return types;
    }

    private static uint[] Table()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? (value >> 1) ^ 0x82F63B78 : value >> 1;
            table[i] = value;
        }

        return table;
    }
}
