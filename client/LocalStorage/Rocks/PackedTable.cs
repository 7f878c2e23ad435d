namespace Delos.LocalStorage.Rocks;

/// <summary>
/// A hash table from byte strings to byte strings, or to the news that there is none, all packed into one array: however many there are, the garbage collector has nothing to look at. Whoever asks two tables computes the hash once. A key that is
/// not there costs, as a rule, one access to memory. Nothing is removed but all at once. Not thread-safe, but several may read as long as nobody changes it.
/// </summary>
internal sealed class PackedTable
{
    private const int LeastSlots = 256;
    private const int LeastBytes = 1 << 12;
    private const int KeptBytes = 1 << 20;
    private const int MostSpareRoom = 16 << 20;

    /// <summary>What a key takes besides its bytes: a slot, and places for it in a table that is half full.</summary>
    public const int SlotBytes = 48;

    // By hash, each key at the first place that was free from its own on: the hash in the upper half, and its slot, counted from 1, in the lower; 0: free. Twice as many as slots, a power of two.
    private ulong[] _places = new ulong[2 * LeastSlots];
    private Slot[] _slots = new Slot[LeastSlots];
    private byte[] _bytes = new byte[LeastBytes];
    private int _length;

    /// <summary>Keys.</summary>
    public int Count { get; private set; }

    /// <summary>Of memory, about, with the room that values had and outgrew.</summary>
    public long Bytes => _length + ((long)Count * SlotBytes);

    /// <summary>What became of a key.</summary>
    public Change this[int index]
    {
        get => _slots[index].Change;
        set => _slots[index].Change = value;
    }

    /// <summary>Valid until everything is cleared. Values are so until they are put anew.</summary>
    public ReadOnlySpan<byte> KeyAt(int index) => _bytes.AsSpan(_slots[index].KeyAt, _slots[index].KeyLength);

    public int HashAt(int index) => _slots[index].Hash;

    public ReadOnlySpan<byte> ValueAt(int index) => ValueOf(_slots[index].Change);

    /// <summary>Empty, unless it was put.</summary>
    public ReadOnlySpan<byte> ValueOf(in Change change) => _bytes.AsSpan(change.At, change.Length);

    /// <summary>Where the key is, for as long as nothing is cleared; -1: nowhere.</summary>
    public int Find(ReadOnlySpan<byte> key, int hash)
    {
        var places = _places;
        for (var at = hash & (places.Length - 1); places[at] is not 0 and var place; at = (at + 1) & (places.Length - 1))
        {
            if ((int)(place >> 32) != hash) continue;
            var index = (int)(uint)place - 1;
            if (key.SequenceEqual(KeyAt(index))) return index;
        }

        return -1;
    }

    /// <summary>Adds a key that is not there yet, of which nothing is said; where it is.</summary>
    public int Add(ReadOnlySpan<byte> key, int hash)
    {
        MakeRoom(1, key.Length);
        _slots[Count] = new Slot(Append(key), key.Length, hash);
        Place(Count, hash);
        return Count++;
    }

    /// <summary>A value in place of the former one, where that was if it has room there; one that grew has room to grow again.</summary>
    public void Put(int index, ReadOnlySpan<byte> value)
    {
        var former = this[index];
        if (former.Room < value.Length)
        {
            this[index] = Pack(value, former.Room == 0 ? value.Length : RoomToGrow(value.Length));
            return;
        }

        value.CopyTo(_bytes.AsSpan(former.At));
        this[index] = former with { Kind = ChangeKind.Put, Length = value.Length };
    }

    /// <summary>There is none any more.</summary>
    public void Delete(int index) => this[index] = this[index] with { Kind = ChangeKind.Deleted, Length = 0 };

    /// <summary>Bytes for a value that has so many and grows.</summary>
    public static int RoomToGrow(int length) => checked(length + Math.Min(length, MostSpareRoom));

    /// <summary>A value of its own, which is no key's yet.</summary>
    /// <param name="value">Copied.</param>
    /// <param name="room">Bytes that it may grow to, at least those that it has.</param>
    public Change Pack(ReadOnlySpan<byte> value, int room)
    {
        MakeRoom(0, room);
        var at = Append(value);
        _length = at + room;
        return new Change(ChangeKind.Put, at, value.Length, room);
    }

    /// <summary>Adds bytes to a value that has the room.</summary>
    public Change Extend(in Change change, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(change.At + change.Length, change.Room - change.Length));
        return change with { Length = change.Length + bytes.Length };
    }

    /// <summary>Keeps the room for as many again, and gives more than that back bit by bit: one large use does not make all later ones slow.</summary>
    public void Clear()
    {
        var (count, length) = (Count, _length);
        Array.Clear(_places);
        (Count, _length) = (0, 0);
        if (_slots.Length > LeastSlots && count < _slots.Length / 4) (_places, _slots) = (new ulong[_places.Length / 2], new Slot[_slots.Length / 2]);
        if (_bytes.Length > KeptBytes && length < _bytes.Length / 4) _bytes = GC.AllocateUninitializedArray<byte>(_bytes.Length / 2);
    }

    /// <summary>Adding so many keys and bytes takes no memory then. If there is none, the table stays as it is.</summary>
    /// <exception cref="StoreException">That is more than a table can have.</exception>
    public void MakeRoom(int keys, long bytes)
    {
        var slots = _slots.Length;
        while (slots - Count < keys) slots *= 2;
        if (slots > _slots.Length) Grow(slots);
        if (_bytes.Length - _length >= bytes) return;
        var needed = _length + bytes;
        if (needed > Array.MaxLength) throw new StoreException("commit", $"a transaction writes at most {Array.MaxLength} bytes");
        Array.Resize(ref _bytes, (int)Math.Min(Math.Max(needed, 2L * _bytes.Length), Array.MaxLength));
    }

    private int Append(ReadOnlySpan<byte> bytes)
    {
        var at = _length;
        bytes.CopyTo(_bytes.AsSpan(at));
        _length += bytes.Length;
        return at;
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

    /// <summary>What became of a key.</summary>
    /// <param name="Kind">Whether it is there.</param>
    /// <param name="At">Where the value begins.</param>
    /// <param name="Length">Of the value.</param>
    /// <param name="Room">Bytes from there that are the value's own.</param>
    public readonly record struct Change(ChangeKind Kind, int At, int Length, int Room);

    private struct Slot(int keyAt, int keyLength, int hash)
    {
        public readonly int KeyAt = keyAt;
        public readonly int KeyLength = keyLength;
        public readonly int Hash = hash;
        public Change Change;
    }
}
