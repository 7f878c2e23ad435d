namespace Delos.Protocol.Entries;

/// <summary>Encoded gap records, ready to be stored: all alike, without an append id, 32 bytes each.</summary>
public static class GapEntries
{
    /// <summary>As many as one call gives.</summary>
    public const int Most = 1024;

    private static readonly byte[] s_entries = Encode();

    /// <summary>So many of them, one behind the other.</summary>
    public static ReadOnlyMemory<byte> Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Most);
        return s_entries.AsMemory(0, count * EntryCodec.HeaderSize);
    }

    private static byte[] Encode()
    {
        var bytes = new byte[Most * EntryCodec.HeaderSize];
        for (var i = 0; i < Most; i++) EntryCodec.Encode(bytes.AsSpan(i * EntryCodec.HeaderSize), default, EntryKind.Gap, []);
        return bytes;
    }
}
