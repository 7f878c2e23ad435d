using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;

namespace Delos.Daemon.Tables;

/// <summary>One state of the store, read by several requests and held by views: disposed with the last of them. Begins with one reference, the maker's. Thread-safe.</summary>
internal sealed class SharedSnapshot
{
    private readonly IStoreSnapshot _store;
    private int _references = 1;

    public SharedSnapshot(IStoreSnapshot store)
    {
        _store = store;
        Store = new MetaMemo(store);
        Id = TableClock.Read(Store);
    }

    public IStoreReader Store { get; }

    /// <summary>Which state it is.</summary>
    public SnapshotId Id { get; }

    /// <summary>Only by who has a reference, or under the lock of who has.</summary>
    public void Retain() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0) _store.Dispose();
    }
}
