using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>One random operation after the other on a store and on its oracles: of the last commit, of the open transaction and its savepoints, and of a snapshot.</summary>
internal sealed class StoreWalk(int seed, string directory) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly List<StoreOracle> _savepoints = [];
    private StoreOracle _committed = new();
    private StoreOracle? _changed;
    private StoreOracle? _seen;
    private IStoreTransaction? _transaction;
    private IStoreSnapshot? _snapshot;
    private int _checkpoints;

    /// <summary>Where the store did not do as the oracle; null: it did so far.</summary>
    public string? Difference { get; private set; }

    /// <returns>The store to go on with.</returns>
    public async ValueTask<ILocalStore> StepAsync(ILocalStoreFactory factory, ILocalStore store)
    {
        switch (_random.Next(1000))
        {
            case < 3:
                EndAll();
                store.Dispose();
                return factory.Open();
            case < 5:
                return await CheckpointAsync(factory, store);
            case < 15:
                await store.FlushAsync(default);
                break;
            case < 35:
                _snapshot?.Dispose();
                _snapshot = store.Snapshot();
                _seen = _committed.Copy();
                break;
            case < 150 when _snapshot is not null:
                Compare(_snapshot, _seen!);
                break;
            default:
                Transact(store);
                break;
        }

        return store;
    }

    public void Dispose() => EndAll();

    private async ValueTask<ILocalStore> CheckpointAsync(ILocalStoreFactory factory, ILocalStore store)
    {
        var checkpoint = Path.Combine(directory, $"checkpoint-{_checkpoints++}");
        await store.CheckpointAsync(checkpoint, default);
        var saved = _committed.Copy();
        if (_transaction is null)
        {
            store.Commit(("after the checkpoint", "lost"));
            _committed.Put(StoreSpace.Data, "after the checkpoint".Bytes(), "lost".Bytes());
        }

        if (_random.Next(2) == 0) return store;
        EndAll();
        store.Dispose();
        await factory.RestoreAsync(checkpoint, default);
        _committed = saved;
        return factory.Open();
    }

    private void Transact(ILocalStore store)
    {
        if (_transaction is null)
        {
            _transaction = store.Begin();
            _changed = _committed.Copy();
            return;
        }

        switch (_random.Next(100))
        {
            case < 30:
                var (space, key, value) = (Space(), Key(), Value());
                _transaction.Put(space, key, value);
                _changed!.Put(space, key, value);
                break;
            case < 40:
                (space, key, value) = (Space(), Key(), Value());
                _transaction.Append(space, key, value);
                _changed!.Append(space, key, value);
                break;
            case < 60:
                (space, key) = (Space(), Key());
                _transaction.Delete(space, key);
                _changed!.Delete(space, key);
                break;
            case < 80:
                Compare(_transaction, _changed!);
                break;
            case < 85:
                ChangeWhileWalking();
                break;
            case < 90:
                Expect(_transaction.Savepoint() == _savepoints.Count, "number of the savepoint");
                _savepoints.Add(_changed!.Copy());
                break;
            case < 95 when _savepoints.Count > 0:
                var savepoint = _random.Next(_savepoints.Count);
                _transaction.RollBackTo(savepoint);
                _changed = _savepoints[savepoint].Copy();
                _savepoints.RemoveRange(savepoint + 1, _savepoints.Count - savepoint - 1);
                break;
            case < 98:
                _transaction.Commit();
                _committed = _changed!;
                EndTransaction();
                break;
            default:
                EndTransaction();
                break;
        }
    }

    // What a cursor shows after a change is what the oracle has behind the key that the cursor is on.
    private void ChangeWhileWalking()
    {
        var (space, from, to, reverse) = (Space(), Key(), Key(), _random.Next(2) == 0);
        using var cursor = _transaction!.Scan(space, from, to, reverse);
        byte[]? last = null;
        while (true)
        {
            var rest = _changed!.Scan(space, from, to, reverse).Where(pair => last is null || (pair.Key.AsSpan().SequenceCompareTo(last) > 0) != reverse && !pair.Key.AsSpan().SequenceEqual(last)).ToList();
            var moved = cursor.MoveNext();
            Expect(moved == rest.Count > 0, "a cursor's end under changes");
            if (!moved || Difference is not null) return;
            Expect(cursor.Key.SequenceEqual(rest[0].Key) && cursor.Value.SequenceEqual(rest[0].Value), "a cursor's pair under changes");
            last = rest[0].Key;
            if (_random.Next(3) == 0) continue;
            var key = _random.Next(2) == 0 ? last : Key();
            if (_random.Next(2) == 0)
            {
                _transaction.Delete(space, key);
                _changed.Delete(space, key);
            }
            else
            {
                var value = Value();
                _transaction.Put(space, key, value);
                _changed.Put(space, key, value);
            }
        }
    }

    private void Compare(IStoreReader reader, StoreOracle oracle)
    {
        var (space, from, to, reverse) = (Space(), Key(), Key(), _random.Next(2) == 0);
        if (_random.Next(3) == 0) to = [];
        var expected = oracle.Get(space, from);
        var value = reader.Get(space, from);
        Expect(expected is null ? value is null : value is not null && value.AsSpan().SequenceEqual(expected), "a value");
        using var cursor = reader.Scan(space, from, to, reverse);
        foreach (var pair in oracle.Scan(space, from, to, reverse))
        {
            Expect(cursor.MoveNext() && cursor.Key.SequenceEqual(pair.Key) && cursor.Value.SequenceEqual(pair.Value), "a pair of a scan");
            if (Difference is not null) return;
        }

        Expect(!cursor.MoveNext(), "the end of a scan");
    }

    private void Expect(bool condition, string what) => Difference ??= condition ? null : what;

    private StoreSpace Space() => (StoreSpace)_random.Next(4);

    // Few enough for collisions; also the empty one, the ends of what a byte can be, and prefixes of each other.
    private byte[] Key()
    {
        ReadOnlySpan<byte> letters = [0, 1, 97, 98, 255];
        return _random.GetItems(letters, _random.Next(4));
    }

    private byte[] Value()
    {
        var value = new byte[_random.Next(20) == 0 ? _random.Next(20_000) : _random.Next(20)];
        _random.NextBytes(value);
        return value;
    }

    private void EndTransaction()
    {
        _transaction?.Dispose();
        _transaction = null;
        _changed = null;
        _savepoints.Clear();
    }

    private void EndAll()
    {
        EndTransaction();
        _snapshot?.Dispose();
        _snapshot = null;
    }
}
