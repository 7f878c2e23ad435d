namespace Delos.LocalStorage.Rocks;

/// <summary>Reads one key.</summary>
internal static unsafe class PointRead
{
    /// <summary>A copy of the value; null: there is no such key.</summary>
    /// <param name="database">Where.</param>
    /// <param name="options">As of when. Whoever may be disposed of meanwhile holds them: what is pinned is copied only afterwards.</param>
    /// <param name="key">As stored: with its space.</param>
    /// <exception cref="StoreException">The disk failed.</exception>
    public static byte[]? Get(DatabaseHandle database, ReadOptionsHandle options, ReadOnlySpan<byte> key)
    {
        nint pinned;
        fixed (byte* start = key)
        {
            pinned = RocksNative.GetPinned(database, options, start, (nuint)key.Length, out var error);
            RocksError.ThrowIfAny(error, "read");
        }

        if (pinned == 0) return null;
        try
        {
            var value = RocksNative.PinnedValue(pinned, out var length);
            return new ReadOnlySpan<byte>(value, checked((int)length)).ToArray();
        }
        finally
        {
            RocksNative.PinnedDestroy(pinned);
        }
    }
}
