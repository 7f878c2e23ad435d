using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// rocksdb_readoptions_t: as of which snapshot is read, and between which bounds. RocksDB keeps pointers to the bounds and to this very object for as long as an iterator reads by them, so they lie in memory that does not move,
/// and the iterator keeps this alive.
/// </summary>
internal sealed unsafe class ReadOptionsHandle : RocksHandle
{
    private readonly byte* _bounds;
    private readonly int _lowerLength;
    private readonly int _upperLength;

    /// <summary>Reads without bounds.</summary>
    /// <param name="snapshot">As of when; null: as of the time of each read.</param>
    public ReadOptionsHandle(SnapshotHandle? snapshot)
    {
        Make(RocksNative.ReadOptionsCreate, snapshot is null ? [] : [snapshot]);
        if (snapshot is not null) RocksNative.ReadOptionsSetSnapshot(handle, snapshot);
        GC.KeepAlive(this);
    }

    /// <summary>Reads [lower, upper).</summary>
    public ReadOptionsHandle(SnapshotHandle? snapshot, KeyRange range)
        : this(snapshot)
    {
        _lowerLength = range.LowerLength;
        _upperLength = range.UpperLength;
        _bounds = (byte*)NativeMemory.Alloc((nuint)(_lowerLength + _upperLength));
        range.WriteLower(new Span<byte>(_bounds, _lowerLength));
        range.WriteUpper(new Span<byte>(_bounds + _lowerLength, _upperLength));
        RocksNative.ReadOptionsSetLowerBound(handle, _bounds, (nuint)_lowerLength);
        RocksNative.ReadOptionsSetUpperBound(handle, _bounds + _lowerLength, (nuint)_upperLength);
        GC.KeepAlive(this);
    }

    /// <summary>First key wanted. Valid while this is not disposed.</summary>
    public ReadOnlySpan<byte> Lower => new(_bounds, _lowerLength);

    /// <summary>First key not wanted. Valid while this is not disposed.</summary>
    public ReadOnlySpan<byte> Upper => new(_bounds + _lowerLength, _upperLength);

    protected override void Destroy()
    {
        RocksNative.ReadOptionsDestroy(handle);
        NativeMemory.Free(_bounds);
    }
}
