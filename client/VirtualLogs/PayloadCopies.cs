namespace Delos.Client.VirtualLogs;

/// <summary>
/// Copies of payloads for readers. Small ones that come together lie in one array, which lives as long as one of them does: a few kilobytes at most, in return for an allocation for each and for clearing it. Not thread-safe.
/// </summary>
/// <param name="total">Bytes to come, at most.</param>
internal struct PayloadCopies(int total)
{
    /// <summary>Of an array that payloads share.</summary>
    private const int SharedBytes = 4 << 10;

    /// <summary>Larger ones have an array of their own.</summary>
    private const int LargestShared = 1 << 10;

    private byte[] _array = [];
    private int _used;
    private int _left = total;

    public ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> payload)
    {
        _left -= payload.Length;
        if (payload.Length > LargestShared) return payload.ToArray();
        if (_array.Length - _used < payload.Length)
        {
            _array = GC.AllocateUninitializedArray<byte>(Math.Min(_left + payload.Length, SharedBytes));
            _used = 0;
        }

        var copy = _array.AsMemory(_used, payload.Length);
        payload.CopyTo(copy.Span);
        _used += payload.Length;
        return copy;
    }
}
