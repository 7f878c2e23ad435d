namespace Delos.LocalStorage.Rocks;

/// <summary>A hash table from byte strings to values, with look-ups by spans; whoever asks two tables computes the hash once. Nothing is removed but all at once. Not thread-safe.</summary>
internal sealed class KeyTable<T>
{
    private const int LeastSlots = 256;

    // By hash, the last slot that was added, counted from 1; 0: none. As many as slots, a power of two.
    private int[] _buckets = new int[LeastSlots];
    private Slot[] _slots = new Slot[LeastSlots];

    public int Count { get; private set; }

    /// <summary>To be changed in place. Valid until the next <see cref="Add"/>.</summary>
    public ref T this[int index] => ref _slots[index].Value;

    public byte[] KeyAt(int index) => _slots[index].Key;

    public int HashAt(int index) => _slots[index].Hash;

    /// <summary>Where the key is, for as long as nothing is cleared; -1: nowhere.</summary>
    public int Find(ReadOnlySpan<byte> key, int hash)
    {
        var slots = _slots;
        for (var index = _buckets[hash & (_buckets.Length - 1)] - 1; index >= 0; index = slots[index].Next)
        {
            if (slots[index].Hash == hash && key.SequenceEqual(slots[index].Key)) return index;
        }

        return -1;
    }

    /// <summary>Adds a key that is not there yet; where it is.</summary>
    public int Add(byte[] key, int hash, T value)
    {
        if (Count == _slots.Length) Grow();
        ref var bucket = ref _buckets[hash & (_buckets.Length - 1)];
        _slots[Count] = new Slot(key, value, hash, bucket - 1);
        bucket = ++Count;
        return Count - 1;
    }

    /// <summary>Keeps the room for as many again, and gives more than that back bit by bit: one large use does not make all later ones slow.</summary>
    public void Clear()
    {
        if (_slots.Length > LeastSlots && Count < _slots.Length / 4)
        {
            _buckets = new int[_slots.Length / 2];
            _slots = new Slot[_slots.Length / 2];
        }
        else
        {
            Array.Clear(_buckets);
            Array.Clear(_slots, 0, Count);
        }

        Count = 0;
    }

    private void Grow()
    {
        Array.Resize(ref _slots, 2 * _slots.Length);
        _buckets = new int[_slots.Length];
        for (var index = 0; index < Count; index++)
        {
            ref var bucket = ref _buckets[_slots[index].Hash & (_buckets.Length - 1)];
            _slots[index].Next = bucket - 1;
            bucket = index + 1;
        }
    }

    private struct Slot(byte[] key, T value, int hash, int next)
    {
        public readonly byte[] Key = key;
        public T Value = value;
        public readonly int Hash = hash;

        /// <summary>The slot that was added before under the same bucket; -1: none.</summary>
        public int Next = next;
    }
}
