namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What a transaction changed, by key as the database holds it (see <see cref="SpaceKey"/>), in memory in front of the database: the last state of each key, and what it was before, for savepoints. One object serves one transaction
/// after the other. Not thread-safe.
/// </summary>
internal sealed class Overlay
{
    private const int LeastRoom = 512;

    private readonly PackedTable _changes = new();
    private readonly List<(int Index, PackedTable.Change Former)> _undo = [];

    // For each, how long the list of what is to be undone was.
    private readonly List<int> _savepoints = [];

    // All keys of the table, once a cursor needs them in order. Those whose change was undone stay in both.
    private SortedKeys? _order;

    /// <summary>Keys that were changed, those whose change was undone among them.</summary>
    public int Count => _changes.Count;

    public ReadOnlySpan<byte> KeyAt(int index) => _changes.KeyAt(index);

    public int HashAt(int index) => _changes.HashAt(index);

    public ReadOnlySpan<byte> ValueAt(int index) => _changes.ValueAt(index);

    public ReadOnlySpan<byte> ValueOf(in PackedTable.Change change) => _changes.ValueOf(change);

    public PackedTable.Change this[int index] => _changes[index];

    /// <summary>What became of a key; kind <see cref="ChangeKind.None"/>: it is as in the database.</summary>
    public PackedTable.Change Find(ReadOnlySpan<byte> key, int hash) => _changes.Find(key, hash) is >= 0 and var index ? _changes[index] : default;

    /// <summary>Key and value are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, int hash, ReadOnlySpan<byte> value) => Set(IndexOf(key, hash), _changes.Pack(value, value.Length));

    public void Delete(ReadOnlySpan<byte> key, int hash) => Set(IndexOf(key, hash), new PackedTable.Change(ChangeKind.Deleted, 0, 0, 0));

    /// <summary>Adds bytes to the value of a key. All are copied.</summary>
    /// <param name="key">Whose.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="stored">What the database has, if the key was not changed yet.</param>
    /// <param name="bytes">What is added.</param>
    public void Append(ReadOnlySpan<byte> key, int hash, ReadOnlySpan<byte> stored, ReadOnlySpan<byte> bytes)
    {
        var index = IndexOf(key, hash);
        var former = _changes[index];
        var before = former.Kind == ChangeKind.None ? stored : _changes.ValueOf(former);
        var length = checked(before.Length + bytes.Length);

        // Behind a value there is room if it was appended to before. What is written there changes no state that a savepoint may return to: those are shorter.
        if (former.Kind != ChangeKind.Put || former.Room < length) former = _changes.Pack(before, Math.Max(LeastRoom, PackedTable.RoomToGrow(length)));
        Set(index, _changes.Extend(former, bytes));
    }

    public int Savepoint()
    {
        _savepoints.Add(_undo.Count);
        return _savepoints.Count - 1;
    }

    public void RollBackTo(int savepoint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(savepoint);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(savepoint, _savepoints.Count);
        var kept = _savepoints[savepoint];
        for (var i = _undo.Count - 1; i >= kept; i--) _changes[_undo[i].Index] = _undo[i].Former;
        _undo.RemoveRange(kept, _undo.Count - kept);
        _savepoints.RemoveRange(savepoint + 1, _savepoints.Count - savepoint - 1);
    }

    /// <summary>The first changed key that is not below, and what became of it; null: there is none.</summary>
    public byte[]? FirstFrom(ReadOnlySpan<byte> key, out PackedTable.Change change) => Changed(Order.FirstFrom(key), reverse: false, out change);

    /// <summary>As <see cref="FirstFrom"/>, above the key.</summary>
    public byte[]? FirstAbove(ReadOnlySpan<byte> key, out PackedTable.Change change) => Changed(Order.FirstAbove(key), reverse: false, out change);

    /// <summary>As <see cref="FirstFrom"/>, the last one below the key.</summary>
    public byte[]? LastBelow(ReadOnlySpan<byte> key, out PackedTable.Change change) => Changed(Order.LastBelow(key), reverse: true, out change);

    public void Clear()
    {
        _changes.Clear();
        _undo.Clear();
        _savepoints.Clear();
        _order = null;
    }

    /// <summary>Of a key, which is added if it is new.</summary>
    private int IndexOf(ReadOnlySpan<byte> key, int hash)
    {
        if (_changes.Find(key, hash) is >= 0 and var index) return index;
        _order?.Add(key.ToArray());
        return _changes.Add(key, hash);
    }

    private void Set(int index, PackedTable.Change change)
    {
        if (_savepoints.Count > 0) _undo.Add((index, _changes[index]));
        _changes[index] = change;
    }

    private SortedKeys Order
    {
        get
        {
            if (_order is not null) return _order;
            var keys = new byte[_changes.Count][];
            for (var i = 0; i < keys.Length; i++) keys[i] = _changes.KeyAt(i).ToArray();
            return _order = new SortedKeys(keys);
        }
    }

    /// <summary>Passes over those whose change was undone.</summary>
    private byte[]? Changed(byte[]? key, bool reverse, out PackedTable.Change change)
    {
        for (change = default; key is not null; key = reverse ? Order.LastBelow(key) : Order.FirstAbove(key))
        {
            change = Find(key, KeyHash.Of(key));
            if (change.Kind != ChangeKind.None) return key;
        }

        return null;
    }
}
