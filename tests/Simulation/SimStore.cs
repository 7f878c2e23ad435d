using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>The disk of one replica: a store in memory that a crash takes back to what was durable, and snapshots as the pairs that a checkpoint of it holds.</summary>
internal sealed class SimStore(SimWorld world, SimMutant mutant)
{
    private MemoryStoreFactory _disk = new();

    public ILocalStore? Open { get; private set; }

    public ILocalStore Opened => Open ?? throw new InvalidOperationException("No store is open.");

    /// <summary>Changes with every opening.</summary>
    public int Generation { get; private set; }

    public ILocalStore OpenAgain()
    {
        Generation++;
        Open = _disk.Open();
        return Open;
    }

    public void Close()
    {
        Open?.Dispose();
        Open = null;
    }

    public void Crash()
    {
        Close();
        _disk.Crash();
    }

    public void Wipe()
    {
        Crash();
        _disk = new MemoryStoreFactory();
    }

    /// <summary>Into which entries are applied: of the mutant one that commits the cursor apart from what it belongs to.</summary>
    public ILocalStore ForApplying() => mutant == SimMutant.CursorApart ? new ApartStore(Opened, MaybeFlush) : Opened;

    /// <summary>Stores write what was committed whenever they like.</summary>
    public void MaybeFlush()
    {
        if (world.Chance(30)) Flush();
    }

    public void Flush()
    {
        if (!Opened.FlushAsync(default).IsCompletedSuccessfully) throw new InvalidOperationException("A flush of a store in memory waits.");
    }

    public SimSnapshot Save()
    {
        using var snapshot = Opened.Snapshot();
        return new SimSnapshot([.. Pairs(snapshot)]);
    }

    public void Restore(SimSnapshot snapshot)
    {
        Wipe();
        using var store = _disk.Open();
        using (var transaction = store.Begin())
        {
            foreach (var (space, key, value) in snapshot.Pairs) transaction.Put(space, key, value);
            transaction.Commit();
        }

        if (!store.FlushAsync(default).IsCompletedSuccessfully) throw new InvalidOperationException("A flush of a store in memory waits.");
    }

    public static IEnumerable<(StoreSpace Space, byte[] Key, byte[] Value)> Pairs(IStoreReader store)
    {
        foreach (var space in Enum.GetValues<StoreSpace>())
        {
            using var cursor = store.Scan(space, [], []);
            while (cursor.MoveNext()) yield return (space, cursor.Key.ToArray(), cursor.Value.ToArray());
        }
    }

    /// <summary>What belongs to all replicas alike, as text: not the claims, of which each has those that it remembers, and not the cursor, which may be further where there is nothing to apply.</summary>
    public string[] Contents()
    {
        using var snapshot = Opened.Snapshot();
        return [.. Pairs(snapshot).Where(p => p.Space != StoreSpace.Runtime || (p.Key[0] != RuntimeKeys.ClaimPrefix[0] && !p.Key.AsSpan().SequenceEqual(RuntimeKeys.Cursor)))
            .Select(p => $"{p.Space} {Convert.ToHexString(p.Key)} {Convert.ToHexString(p.Value)}").Append($"{CursorRecord.Load(snapshot) with { Next = 0 }}")];
    }

    /// <summary>Commits what is written at once, and the cursor afterwards.</summary>
    private sealed class ApartStore(ILocalStore inner, Action between) : ILocalStore
    {
        public IStoreTransaction Begin() => new Apart(inner, inner.Begin(), between);

        public IStoreSnapshot Snapshot() => inner.Snapshot();

        public ValueTask FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken) => inner.CheckpointAsync(directory, cancellationToken);

        public void Dispose()
        {
        }
    }

    private sealed class Apart(ILocalStore store, IStoreTransaction inner, Action between) : IStoreTransaction
    {
        private byte[]? _cursor;

        public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => inner.Get(space, key);

        public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);

        public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            if (space == StoreSpace.Runtime && key.SequenceEqual(RuntimeKeys.Cursor)) _cursor = value.ToArray();
            else inner.Put(space, key, value);
        }

        public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes) => inner.Append(space, key, bytes);

        public void Delete(StoreSpace space, ReadOnlySpan<byte> key) => inner.Delete(space, key);

        public int Savepoint() => inner.Savepoint();

        public void RollBackTo(int savepoint) => inner.RollBackTo(savepoint);

        public void Commit()
        {
            inner.Commit();
            between();
            using var second = store.Begin();
            second.Put(StoreSpace.Runtime, RuntimeKeys.Cursor, _cursor);
            second.Commit();
        }

        public void Dispose() => inner.Dispose();
    }
}

/// <summary>A checkpoint.</summary>
internal sealed record SimSnapshot(IReadOnlyList<(StoreSpace Space, byte[] Key, byte[] Value)> Pairs);

/// <summary>Where all replicas leave their snapshots, as <see cref="ISnapshotStore"/> has it.</summary>
internal sealed class SimSnapshots
{
    private readonly Dictionary<SnapshotInfo, SimSnapshot> _saved = [];

    public IReadOnlyList<SnapshotInfo> List() => [.. _saved.Keys.OrderByDescending(s => s.Cursor).ThenBy(s => s.Replica)];

    public void Save(SnapshotInfo snapshot, SimSnapshot content) => _saved[snapshot] = content;

    public SimSnapshot? Fetch(SnapshotInfo snapshot) => _saved.GetValueOrDefault(snapshot);

    public void Delete(SnapshotInfo snapshot) => _saved.Remove(snapshot);
}
