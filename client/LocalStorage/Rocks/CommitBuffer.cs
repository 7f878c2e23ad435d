namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What was committed and is still to be given to the database: the last state of each key. So what commits write again and again is written once, and the library gets many keys at a time, in their order, which takes it a fraction of the
/// time. Not thread-safe, but it may be read by several as long as nobody changes it.
/// </summary>
internal sealed class CommitBuffer
{
    private const int KeptIndexes = 1 << 18;

    private readonly PackedTable _changes = new();
    private int[] _ordered = [];
    private volatile bool _isWritten = true;

    // The last answer of FirstOf: of the keys up to there, in the order in which they came. Those who ask come back for the same range, or the rest of it.
    private byte[] _lower = [];
    private byte[] _upper = [];
    private byte[]? _first;
    private int _looked;

    /// <summary>Keys.</summary>
    public int Count => _changes.Count;

    /// <summary>Of memory, about.</summary>
    public long Bytes => _changes.Bytes;

    /// <summary>The database has it all.</summary>
    public bool IsWritten
    {
        get => _isWritten;
        set => _isWritten = value;
    }

    /// <summary>What became of a key; <see cref="ChangeKind.None"/>: nothing here.</summary>
    /// <param name="key">To look for.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="value">If it was put. Valid until the next change.</param>
    public ChangeKind Find(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value)
    {
        var index = _changes.Find(key, hash);
        value = index < 0 ? default : _changes.ValueAt(index);
        return index < 0 ? ChangeKind.None : _changes[index].Kind;
    }

    /// <summary>The lowest of its keys in [lower, upper); null: there is none. Looks at all that came since it was asked for the same range, or one that begins lower.</summary>
    public byte[]? FirstOf(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper)
    {
        var isSame = upper.SequenceEqual(_upper) && lower.SequenceCompareTo(_lower) >= 0 && (_first is null || lower.SequenceCompareTo(_first) <= 0);
        if (!isSame) (_first, _looked) = (null, 0);
        if (!lower.SequenceEqual(_lower)) _lower = lower.ToArray();
        if (!upper.SequenceEqual(_upper)) _upper = upper.ToArray();
        for (; _looked < Count; _looked++)
        {
            var key = _changes.KeyAt(_looked);
            if (lower.SequenceCompareTo(key) <= 0 && upper.SequenceCompareTo(key) > 0 && (_first is null || key.SequenceCompareTo(_first) < 0)) _first = key.ToArray();
        }

        return _first;
    }

    /// <summary>To set so many more keys, of so many bytes with their values, takes no memory then: at most twice as much for values that have grown.</summary>
    public void MakeRoom(int keys, long bytes) => _changes.MakeRoom(keys, 2 * bytes);

    /// <summary>Key and value are copied.</summary>
    public void Set(ReadOnlySpan<byte> key, int hash, ChangeKind kind, ReadOnlySpan<byte> value)
    {
        IsWritten = false;
        var index = _changes.Find(key, hash);
        if (index < 0) index = _changes.Add(key, hash);
        if (kind == ChangeKind.Put) _changes.Put(index, value);
        else _changes.Delete(index);
    }

    /// <summary>In the order of the keys.</summary>
    public void WriteTo(BatchWriter batch)
    {
        if (_ordered.Length < Count) _ordered = new int[Math.Max(Count, 2 * _ordered.Length)];
        var indexes = _ordered.AsSpan(0, Count);
        for (var i = 0; i < indexes.Length; i++) indexes[i] = i;
        indexes.Sort((x, y) => _changes.KeyAt(x).SequenceCompareTo(_changes.KeyAt(y)));
        foreach (var index in indexes) batch.Add(_changes.KeyAt(index), _changes[index].Kind == ChangeKind.Put, _changes.ValueAt(index));
        if (_ordered.Length > KeptIndexes) _ordered = [];
    }

    /// <summary>What the cache knows of its keys is brought up to date.</summary>
    public void CopyTo(ReadCache cache)
    {
        for (var i = 0; i < Count; i++) cache.Update(_changes.KeyAt(i), _changes.HashAt(i), _changes[i].Kind, _changes.ValueAt(i));
    }

    /// <summary>As <see cref="CopyTo"/>, and the buffer is empty.</summary>
    public void MoveTo(ReadCache cache)
    {
        CopyTo(cache);
        Clear();
    }

    public void Clear()
    {
        _changes.Clear();
        IsWritten = true;
        (_first, _looked) = (null, 0);
    }
}
