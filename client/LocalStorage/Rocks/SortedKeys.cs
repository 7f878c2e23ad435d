namespace Delos.LocalStorage.Rocks;

/// <summary>Keys in the order of unsigned bytes, in blocks, so that one that is added moves few others. Not thread-safe.</summary>
internal sealed class SortedKeys
{
    private const int MostOfBlock = 512;

    // None is empty.
    private readonly List<List<byte[]>> _blocks = [];

    /// <param name="keys">Different ones, in any order; sorted in place.</param>
    public SortedKeys(byte[][] keys)
    {
        Array.Sort(keys, static (x, y) => x.AsSpan().SequenceCompareTo(y));
        foreach (var block in keys.Chunk(MostOfBlock / 2)) _blocks.Add([.. block]);
    }

    /// <summary>Adds a key that is not there yet.</summary>
    public void Add(byte[] key)
    {
        if (_blocks.Count == 0)
        {
            _blocks.Add([key]);
            return;
        }

        var at = BlockOf(key);
        var block = _blocks[at];
        block.Insert(CountBelow(block, key), key);
        if (block.Count < MostOfBlock) return;
        _blocks.Insert(at + 1, block[(MostOfBlock / 2)..]);
        block.RemoveRange(MostOfBlock / 2, block.Count - (MostOfBlock / 2));
    }

    /// <summary>The first key that is not below; null: there is none.</summary>
    public byte[]? FirstFrom(ReadOnlySpan<byte> key)
    {
        if (_blocks.Count == 0) return null;
        var at = BlockOf(key);
        var index = CountBelow(_blocks[at], key);
        if (index < _blocks[at].Count) return _blocks[at][index];
        return at + 1 < _blocks.Count ? _blocks[at + 1][0] : null;
    }

    /// <summary>The first key above; null: there is none.</summary>
    public byte[]? FirstAbove(ReadOnlySpan<byte> key)
    {
        if (_blocks.Count == 0) return null;
        var at = BlockOf(key);
        var index = CountBelow(_blocks[at], key);
        if (index < _blocks[at].Count && key.SequenceEqual(_blocks[at][index])) index++;
        if (index < _blocks[at].Count) return _blocks[at][index];
        return at + 1 < _blocks.Count ? _blocks[at + 1][0] : null;
    }

    /// <summary>The last key below; null: there is none.</summary>
    public byte[]? LastBelow(ReadOnlySpan<byte> key)
    {
        if (_blocks.Count == 0) return null;
        var at = BlockOf(key);
        var index = CountBelow(_blocks[at], key);
        if (index > 0) return _blocks[at][index - 1];
        return at > 0 ? _blocks[at - 1][^1] : null;
    }

    /// <summary>The last block that does not begin above the key, or the first.</summary>
    private int BlockOf(ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, _blocks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (key.SequenceCompareTo(_blocks[middle][0]) < 0) high = middle - 1;
            else low = middle;
        }

        return low;
    }

    private static int CountBelow(List<byte[]> block, ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, block.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (key.SequenceCompareTo(block[middle]) > 0) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
