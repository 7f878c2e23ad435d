namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What the database holds under keys that transactions asked for, absence too: the apply loop asks for the same few again and again, and the library takes long to answer. In two generations: what was asked for in the younger one's time
/// is in it, and when that is full, it becomes the older one, whose rest is forgotten. Commits keep it true; a key that nobody asked for they leave out. Not thread-safe.
/// </summary>
/// <param name="bytes">Of memory, about; 0: nothing is kept.</param>
internal sealed class ReadCache(long bytes)
{
    /// <summary>Of a generation: what one table can have at most is not much more.</summary>
    private const long MostBytes = 1L << 30;

    private readonly long _limit = Math.Min(bytes / 2, MostBytes);
    private PackedTable _young = new();
    private PackedTable _old = new();

    /// <summary>Whether the key is there; <see cref="ChangeKind.None"/>: that is not known.</summary>
    /// <param name="key">To look for.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="value">If it is there. Valid until the next call.</param>
    public ChangeKind Find(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value)
    {
        value = default;
        var index = _young.Find(key, hash);
        if (index >= 0)
        {
            value = _young.ValueAt(index);
            return _young[index].Kind;
        }

        index = _old.Find(key, hash);
        if (index < 0 || _old[index].Kind == ChangeKind.None) return ChangeKind.None;

        // To make room for it among the young, the old ones may be forgotten, and it with them.
        var kind = _old[index].Kind;
        value = _old.ValueAt(index);
        if (!HasRoom(SizeOf(key, value))) value = value.ToArray();
        Add(key, hash, kind, value);
        return kind;
    }

    /// <summary>Whether it is known that the key is not there. Changes nothing, and takes no memory.</summary>
    public bool IsKnownAbsent(ReadOnlySpan<byte> key, int hash)
    {
        if (_young.Find(key, hash) is >= 0 and var young) return _young[young].Kind == ChangeKind.Deleted;
        return _old.Find(key, hash) is >= 0 and var old && _old[old].Kind == ChangeKind.Deleted;
    }

    /// <summary>Keeps what was read, or that nothing was there.</summary>
    public void Add(ReadOnlySpan<byte> key, int hash, ChangeKind kind, ReadOnlySpan<byte> value)
    {
        var size = SizeOf(key, value);
        if (size > _limit / 2) return;
        if (!HasRoom(size))
        {
            (_young, _old) = (_old, _young);
            _young.Clear();
        }

        _young.MakeRoom(1, key.Length + value.Length);
        var index = _young.Find(key, hash);
        Set(_young, index < 0 ? _young.Add(key, hash) : index, kind, value);
    }

    /// <summary>What was committed, if the key is known.</summary>
    public void Update(ReadOnlySpan<byte> key, int hash, ChangeKind kind, ReadOnlySpan<byte> value)
    {
        var table = _young;
        var index = table.Find(key, hash);
        if (index < 0) (table, index) = (_old, _old.Find(key, hash));
        if (index < 0) return;
        var canGrow = table == _young && 2L * SizeOf(key, value) <= _limit / 2 && HasRoom(2L * SizeOf(key, value));
        if (canGrow || value.Length <= table[index].Room)
        {
            Set(table, index, kind, value);
            return;
        }

        // One that outgrows its room is one more among the young, so that the sum is bounded; or not known any more.
        table[index] = default;
        Add(key, hash, kind, value);
    }

    private static long SizeOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => (long)PackedTable.SlotBytes + key.Length + value.Length;

    private bool HasRoom(long size) => _young.Bytes + size <= _limit;

    private static void Set(PackedTable table, int index, ChangeKind kind, ReadOnlySpan<byte> value)
    {
        if (kind == ChangeKind.Put) table.Put(index, value);
        else table.Delete(index);
    }
}
