namespace Delos.LocalStorage.Rocks;

/// <summary>What a <see cref="PackedTable"/> wants of a key. Another one in every process, so that nobody can choose keys that collide.</summary>
internal static class KeyHash
{
    public static int Of(ReadOnlySpan<byte> key)
    {
        var hash = default(HashCode);
        hash.AddBytes(key);
        return hash.ToHashCode();
    }
}
