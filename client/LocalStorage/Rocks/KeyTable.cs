namespace Delos.LocalStorage.Rocks;

/// <summary>
/// A hash table from byte strings to values, with look-ups by spans; whoever asks two tables computes the hash once. A key that is not there costs, as a rule, one access to memory. Nothing is removed but all at once. Not thread-safe.
/// </summary>
internal sealed class KeyTable<T>
{
    private const int LeastSlots = 256;

    // By hash, each key at the first place that was free from its own on: the hash in the upper half, and its slot, counted from 1, in the lower; 0: free. Twice as many as slots, a power of two.
    private ulong[] _places = new ulong[2 * LeastSlots];
    private Slot[] _slots = new Slot[LeastSlots];

    public int Count { get; private set; }

    /// <summary>To be changed in place. Valid until the next <see cref="Add"/>.</summary>
    public ref T this[int index] => ref _slots[index].Value;

    public byte[] KeyAt(int index) => _slots[index].Key;

    public int HashAt(int index) => _slots[index].Hash;

    /// <summary>Where the key is, for as long as nothing is cleared; -1: nowhere.</summary>
    public int Find(ReadOnlySpan<byte> key, int hash)
    {
        var places = _places;
        for (var at = hash & (places.Length - 1); places[at] is not 0 and var place; at = (at + 1) & (places.Length - 1))
        {
            if ((int)(place >> 32) != hash) continue;
            var index = (int)(uint)place - 1;
            if (key.SequenceEqual(_slots[index].Key)) return index;
        }

        return -1;
    }

    /// <summary>Adds a key that is not there yet; where it is.</summary>
    public int Add(byte[] key, int hash, T value)
    {
        MakeRoom(1);
        _slots[Count] = new Slot(key, value, hash);
        Place(Count, hash);
        return Count++;
    }

    /// <summary>Keeps the room for as many again, and gives more than that back bit by bit: one large use does not make all later ones slow.</summary>
    public void Clear()
    {
        if (_slots.Length > LeastSlots && Count < _slots.Length / 4)
        {
            _places = new ulong[_places.Length / 2];
            _slots = new Slot[_slots.Length / 2];
        }
        else
        {
            Array.Clear(_places);
            Array.Clear(_slots, 0, Count);
        }

        Count = 0;
    }

    /// <summary>Adding so many keys takes no memory then. If there is none, the table stays as it is.</summary>
    public void MakeRoom(int keys)
    {
        var length = _slots.Length;
        while (length - Count < keys) length *= 2;
        if (length > _slots.Length) Grow(length);
    }

    private void Grow(int length)
    {
        var (places, slots) = (new ulong[2 * length], new Slot[length]);
        Array.Copy(_slots, slots, Count);
        (_places, _slots) = (places, slots);
        for (var index = 0; index < Count; index++) Place(index, _slots[index].Hash);
    }

    private void Place(int index, int hash)
    {
        var at = hash & (_places.Length - 1);
        while (_places[at] != 0) at = (at + 1) & (_places.Length - 1);
        _places[at] = ((ulong)(uint)hash << 32) | (uint)(index + 1);
    }

    private struct Slot(byte[] key, T value, int hash)
    {
        public readonly byte[] Key = key;
        public T Value = value;
        public readonly int Hash = hash;
    }
}
