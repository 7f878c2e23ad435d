namespace Delos.LocalStorage;

/// <summary>One file of a snapshot, as the manifest has it.</summary>
/// <param name="Name">Its path below the snapshot's state, with <c>/</c>.</param>
/// <param name="Crc">CRC32C of its bytes.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct SnapshotFile(string Name, uint Crc, long Size)
{
    /// <summary>The name stays below the directory that it is put behind: no empty part, no <c>.</c> or <c>..</c>, nothing that ends a line.</summary>
    public static bool IsSafe(string name)
    {
        if (name.AsSpan().IndexOfAny('\0', '\n', '\r') >= 0) return false;
        foreach (var part in name.Split('/'))
        {
            if (part is "" or "." or "..") return false;
        }

        return true;
    }
}
