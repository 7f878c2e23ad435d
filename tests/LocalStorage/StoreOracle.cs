using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>What a store must hold, in sorted dictionaries: one for each space.</summary>
internal sealed class StoreOracle
{
    private static readonly IComparer<byte[]> s_order = Comparer<byte[]>.Create(static (x, y) => x.AsSpan().SequenceCompareTo(y));
    private readonly SortedDictionary<byte[], byte[]>[] _spaces;

    public StoreOracle() => _spaces = [.. Enum.GetValues<StoreSpace>().Select(static _ => new SortedDictionary<byte[], byte[]>(s_order))];

    private StoreOracle(StoreOracle other) => _spaces = [.. other._spaces.Select(static space => new SortedDictionary<byte[], byte[]>(space, s_order))];

    public StoreOracle Copy() => new(this);

    public void Put(StoreSpace space, byte[] key, byte[] value) => _spaces[(int)space][key] = value;

    public void Append(StoreSpace space, byte[] key, byte[] bytes) => _spaces[(int)space][key] = [.. _spaces[(int)space].GetValueOrDefault(key, []), .. bytes];

    public void Delete(StoreSpace space, byte[] key) => _spaces[(int)space].Remove(key);

    public byte[]? Get(StoreSpace space, byte[] key) => _spaces[(int)space].GetValueOrDefault(key);

    public List<(byte[] Key, byte[] Value)> Scan(StoreSpace space, byte[] from, byte[] to, bool reverse)
    {
        var pairs = _spaces[(int)space].Where(pair => s_order.Compare(pair.Key, from) >= 0 && (to.Length == 0 || s_order.Compare(pair.Key, to) < 0)).Select(static pair => (pair.Key, pair.Value));
        return [.. reverse ? pairs.Reverse() : pairs];
    }
}
