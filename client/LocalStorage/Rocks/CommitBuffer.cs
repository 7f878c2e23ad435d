namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What was committed and is still to be given to the database: the last state of each key. So what commits write again and again is written once, and the library gets many keys at a time, in their order, which takes it a fraction of the
/// time. Not thread-safe, but it may be read by several as long as nobody changes it.
/// </summary>
internal sealed class CommitBuffer
{
    /// <summary>What an entry takes besides key and value, about: two arrays' heads, and its slot in a table that is half full.</summary>
    private const int EntryBytes = 128;

    private const int KeptIndexes = 1 << 16;

    private readonly KeyTable<Overlay.Change> _changes = new();
    private int[] _ordered = [];

    /// <summary>Keys.</summary>
    public int Count => _changes.Count;

    /// <summary>Of memory, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>What became of a key; kind <see cref="Overlay.ChangeKind.None"/>: nothing that the database does not have.</summary>
    public Overlay.Change Find(ReadOnlySpan<byte> key, int hash) => _changes.Find(key, hash) is >= 0 and var index ? _changes[index] : default;

    /// <summary>The lowest of its keys in [lower, upper); null: there is none. Looks at all.</summary>
    public byte[]? FirstOf(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper)
    {
        byte[]? first = null;
        for (var i = 0; i < Count; i++)
        {
            var key = _changes.KeyAt(i);
            if (lower.SequenceCompareTo(key) <= 0 && upper.SequenceCompareTo(key) > 0 && (first is null || key.AsSpan().SequenceCompareTo(first) < 0)) first = key;
        }

        return first;
    }

    /// <summary>For so many more keys: to set those takes no memory.</summary>
    public void MakeRoom(int keys) => _changes.MakeRoom(keys);

    /// <param name="key">Belongs to the buffer from now on.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="change">As the key.</param>
    public void Set(byte[] key, int hash, in Overlay.Change change)
    {
        var index = _changes.Find(key, hash);
        if (index < 0)
        {
            _changes.Add(key, hash, change);
            Bytes += EntryBytes + key.Length + change.Size;
            return;
        }

        Bytes += change.Size - _changes[index].Size;
        _changes[index] = change;
    }

    /// <summary>In the order of the keys.</summary>
    public void WriteTo(BatchWriter batch)
    {
        if (_ordered.Length < Count) _ordered = new int[Math.Max(Count, 2 * _ordered.Length)];
        var indexes = _ordered.AsSpan(0, Count);
        for (var i = 0; i < indexes.Length; i++) indexes[i] = i;
        indexes.Sort((x, y) => _changes.KeyAt(x).AsSpan().SequenceCompareTo(_changes.KeyAt(y)));
        foreach (var index in indexes) batch.Add(_changes.KeyAt(index), _changes[index]);
        if (_ordered.Length > KeptIndexes) _ordered = [];
    }

    /// <summary>The database has it: what the cache knows of it is brought up to date, and the buffer is empty.</summary>
    public void MoveTo(ReadCache cache)
    {
        for (var i = 0; i < Count; i++) cache.Update(_changes.KeyAt(i), _changes.HashAt(i), _changes[i]);
        _changes.Clear();
        Bytes = 0;
    }
}
