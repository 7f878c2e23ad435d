using System.Text;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>Stores of text, for tests that are easier to read so.</summary>
internal static class StoreText
{
    public static byte[] Bytes(this string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(this byte[] bytes) => Encoding.UTF8.GetString(bytes);

    public static string? GetText(this IStoreReader reader, string key, StoreSpace space = StoreSpace.Data) => reader.Get(space, key.Bytes())?.Text();

    public static void PutText(this IStoreTransaction transaction, string key, string value) => transaction.Put(StoreSpace.Data, key.Bytes(), value.Bytes());

    public static void DeleteText(this IStoreTransaction transaction, string key) => transaction.Delete(StoreSpace.Data, key.Bytes());

    public static void Commit(this ILocalStore store, params ReadOnlySpan<(string Key, string Value)> pairs)
    {
        using var transaction = store.Begin();
        foreach (var (key, value) in pairs) transaction.PutText(key, value);
        transaction.Commit();
    }

    public static List<(byte[] Key, byte[] Value)> Pairs(this IStoreReader reader, StoreSpace space, byte[]? from = null, byte[]? to = null, bool reverse = false)
    {
        using var cursor = reader.Scan(space, from, to, reverse);
        var pairs = new List<(byte[], byte[])>();
        while (cursor.MoveNext()) pairs.Add((cursor.Key.ToArray(), cursor.Value.ToArray()));
        return pairs;
    }

    /// <summary>As "key=value key=value".</summary>
    public static string List(this IStoreReader reader, StoreSpace space = StoreSpace.Data, string from = "", string to = "", bool reverse = false)
    {
        using var cursor = reader.Scan(space, from.Bytes(), to.Bytes(), reverse);
        return cursor.Rest();
    }

    /// <summary>What the cursor has not shown yet.</summary>
    public static string Rest(this IStoreCursor cursor)
    {
        var list = new List<string>();
        while (cursor.MoveNext()) list.Add($"{cursor.Key.ToArray().Text()}={cursor.Value.ToArray().Text()}");
        return string.Join(' ', list);
    }

    /// <summary>What a snapshot of the store lists.</summary>
    public static string List(this ILocalStore store)
    {
        using var snapshot = store.Snapshot();
        return snapshot.List();
    }
}
