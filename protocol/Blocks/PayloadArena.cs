namespace Delos.Protocol.Blocks;

/// <summary>
/// Packs small payloads one behind the other into shared blocks, so that a payload of a hundred bytes does not hold 64 KiB of its own. Not thread-safe: one per writer.
/// </summary>
public sealed class PayloadArena(BlockPool? pool = null) : IDisposable
{
    private readonly BlockPool _pool = pool ?? BlockPool.Shared;
    private Block? _block;
    private int _used;

    /// <summary>Room for <paramref name="length"/> bytes (at most <see cref="Block.Size"/>) to write into; take it with <see cref="Commit"/> before reserving again.</summary>
    public Span<byte> Reserve(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Block.Size, nameof(length));
        if (_block is { References: 1 }) _used = 0;
        if (_block is null || Block.Size - _used < length)
        {
            _block?.Release();
            _block = _pool.Take();
            _used = 0;
        }

        return _block.Array.AsSpan(_used, length);
    }

    /// <summary>Makes the first <paramref name="length"/> bytes of the last reservation a payload.</summary>
    public RetainedPayload Commit(int length)
    {
        var payload = RetainedPayload.Create();
        CommitTo(payload, length);
        return payload;
    }

    /// <summary>Appends the first <paramref name="length"/> bytes of the last reservation to a payload.</summary>
    public void CommitTo(RetainedPayload payload, int length)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (length == 0) return;
        if (_block is null) throw new InvalidOperationException("Nothing was reserved.");
        payload.Append(_block, _used, length);
        _used += length;
    }

    /// <summary>A copy of <paramref name="bytes"/>, of any length.</summary>
    public RetainedPayload Copy(ReadOnlySpan<byte> bytes)
    {
        var payload = RetainedPayload.Create();
        while (!bytes.IsEmpty)
        {
            var length = Math.Min(bytes.Length, Block.Size);
            bytes[..length].CopyTo(Reserve(length));
            CommitTo(payload, length);
            bytes = bytes[length..];
        }

        return payload;
    }

    public void Dispose()
    {
        _block?.Release();
        _block = null;
    }
}
