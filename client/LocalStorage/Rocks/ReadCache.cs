namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What the database holds under keys that transactions asked for, absence too: the apply loop asks for the same few again and again, and the library takes long to answer. In two generations: what was asked for in the younger one's time
/// is in it, and when that is full, it becomes the older one, whose rest is forgotten. Commits keep it true; a key that nobody asked for they leave out. Not thread-safe.
/// </summary>
/// <param name="bytes">Of memory, about; 0: nothing is kept.</param>
internal sealed class ReadCache(long bytes)
{
    /// <summary>What an entry takes besides key and value, about: two arrays' heads, and its slot in a table that is half full.</summary>
    private const int EntryBytes = 128;

    private KeyTable<byte[]?> _young = new();
    private KeyTable<byte[]?> _old = new();
    private long _youngBytes;

    /// <summary>Whether it is known; then with the value, which stays the cache's own, or null: the key is absent.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, int hash, out byte[]? value)
    {
        var index = _young.Find(key, hash);
        if (index >= 0)
        {
            value = _young[index];
            return true;
        }

        index = _old.Find(key, hash);
        value = index >= 0 ? _old[index] : null;
        if (index < 0) return false;
        Add(_old.KeyAt(index), hash, value);
        return true;
    }

    /// <summary>Keeps what was read. Key and value belong to the cache from now on.</summary>
    public void Add(byte[] key, int hash, byte[]? value)
    {
        var size = EntryBytes + key.Length + (value?.Length ?? 0);
        if (size > bytes / 4) return;
        if (_youngBytes + size > bytes / 2)
        {
            (_young, _old) = (_old, _young);
            _young.Clear();
            _youngBytes = 0;
        }

        _young.Add(key, hash, value);
        _youngBytes += size;
    }

    /// <summary>What was committed, if the key is known.</summary>
    /// <param name="key">Of it.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="change">Its value belongs to the cache from now on.</param>
    public void Update(ReadOnlySpan<byte> key, int hash, in Overlay.Change change)
    {
        var table = _young;
        var index = table.Find(key, hash);
        if (index < 0) (table, index) = (_old, _old.Find(key, hash));
        if (index < 0) return;

        var value = change.ToValue();

        // An old one that grows counts among the young, so that the sum is bounded.
        _youngBytes += (value?.Length ?? 0) - (table[index]?.Length ?? 0);
        table[index] = value;
    }

    public void Clear()
    {
        _young.Clear();
        _old.Clear();
        _youngBytes = 0;
    }
}
