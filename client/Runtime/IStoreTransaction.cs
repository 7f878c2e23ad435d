namespace Delos.Runtime;

/// <summary>
/// Changes of a store that are visible to the transaction's own reads at once, and to everybody else, all together, after <see cref="Commit"/>. Disposed without it they are forgotten.
/// A cursor walks over the changing whole: what is put or deleted ahead of it while it walks, it shows or leaves out; the key that it is on may be deleted, and what it shows of it stays.
/// One at a time: only the apply loop writes. Not thread-safe.
/// </summary>
public interface IStoreTransaction : IStoreReader, IDisposable
{
    void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Adds bytes to the end of a key's value; without such a key they are the value. Many small additions to one value in one transaction cost what is added.</summary>
    void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes);

    /// <summary>Nothing happens if there is no such key.</summary>
    void Delete(StoreSpace space, ReadOnlySpan<byte> key);

    /// <summary>Where <see cref="RollBackTo"/> can return to: one command's effects go as a whole.</summary>
    int Savepoint();

    /// <summary>Forgets what was changed after that savepoint; earlier savepoints stay valid.</summary>
    void RollBackTo(int savepoint);

    /// <summary>Makes the changes visible, all or, after a crash, none. Not durable before <see cref="ILocalStore.FlushAsync"/>: what is lost is applied again from the log.</summary>
    void Commit();
}
