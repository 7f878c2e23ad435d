namespace Delos.LocalStorage;

/// <summary>A key with its value; in the order of keys: unsigned bytes, a prefix before what it begins.</summary>
internal readonly record struct StoredPair(byte[] Key, byte[] Value)
{
    public static IComparer<StoredPair> ByKey { get; } = Comparer<StoredPair>.Create(static (x, y) => x.Key.AsSpan().SequenceCompareTo(y.Key));
}
