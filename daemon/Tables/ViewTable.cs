using Delos.Protocol.Tables;

namespace Delos.Daemon.Tables;

/// <summary>
/// States of the tables that are held for clients' scans and transactions, by their ids; each for a while after its last use, and a bounded number. When there is no room, the connection that holds most loses the one that
/// it has not used for longest. Thread-safe; told the time.
/// </summary>
/// <param name="most">Views in all; of one connection a quarter.</param>
/// <param name="idleTime">How long one is held after its last use.</param>
internal sealed class ViewTable(int most, TimeSpan idleTime)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SnapshotId, View> _views = [];
    private readonly Dictionary<long, Dictionary<SnapshotId, int>> _holders = [];
    private int _count;
    private bool _closed;

    /// <summary>Holds, of all connections; several on one state count each connection once.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _count;
        }
    }

    private int MostOfConnection => Math.Max(1, most / 4);

    /// <summary>The state of that id, with a reference that is the caller's; null: it is not held. Whoever uses it renews it.</summary>
    public SharedSnapshot? Use(SnapshotId id, TimeSpan now)
    {
        lock (_lock)
        {
            if (!_views.TryGetValue(id, out var view)) return null;
            view.UsedAt = now;
            view.Snapshot.Retain();
            return view.Snapshot;
        }
    }

    /// <summary>Holds a state for a connection, once more. The caller keeps its own reference. False: nothing is held any more.</summary>
    public bool Hold(long connection, SharedSnapshot snapshot, TimeSpan now)
    {
        lock (_lock)
        {
            if (_closed) return false;
            if (!_holders.TryGetValue(connection, out var holds)) _holders[connection] = holds = [];
            if (holds.TryGetValue(snapshot.Id, out var before))
            {
                holds[snapshot.Id] = before + 1;
            }
            else
            {
                if (holds.Count >= MostOfConnection) Drop(connection, OldestOf(holds));
                else if (_count >= most) DropOfGreatest();

                // What was dropped may have been the connection's last.
                _holders[connection] = holds;
                holds.Add(snapshot.Id, 1);
                _count++;
                if (!_views.TryGetValue(snapshot.Id, out var known))
                {
                    _views[snapshot.Id] = known = new View(snapshot);
                    snapshot.Retain();
                }

                known.Holders++;
            }

            _views[snapshot.Id].UsedAt = now;
            return true;
        }
    }

    /// <summary>One hold less; nothing happens if there is none.</summary>
    public void Release(long connection, SnapshotId id)
    {
        lock (_lock)
        {
            if (!_holders.TryGetValue(connection, out var holds) || !holds.TryGetValue(id, out var count)) return;
            if (count > 1) holds[id] = count - 1;
            else Drop(connection, id);
        }
    }

    /// <summary>Lets go of what nobody used for long. What a lost connection held is among it: its client may be back, by another one.</summary>
    public void Expire(TimeSpan now)
    {
        lock (_lock)
        {
            var expired = _views.Values.Where(v => now - v.UsedAt > idleTime).Select(static v => v.Snapshot.Id).ToHashSet();
            if (expired.Count == 0) return;
            foreach (var (connection, holds) in _holders.ToList())
            {
                foreach (var id in holds.Keys.Where(expired.Contains).ToList()) Drop(connection, id);
            }
        }
    }

    /// <summary>Lets go of all: the store is about to be replaced or closed.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var view in _views.Values) view.Snapshot.Release();
            _views.Clear();
            _holders.Clear();
            _count = 0;
        }
    }

    /// <summary>As <see cref="Clear"/>, and nothing is held any more.</summary>
    public void Close()
    {
        lock (_lock) _closed = true;
        Clear();
    }

    private void DropOfGreatest()
    {
        var (connection, holds) = _holders.MaxBy(static h => h.Value.Count);
        Drop(connection, OldestOf(holds));
    }

    private SnapshotId OldestOf(Dictionary<SnapshotId, int> holds) => holds.Keys.MinBy(id => _views[id].UsedAt);

    private void Drop(long connection, SnapshotId id)
    {
        var holds = _holders[connection];
        holds.Remove(id);
        if (holds.Count == 0) _holders.Remove(connection);
        _count--;
        var view = _views[id];
        if (--view.Holders > 0) return;
        _views.Remove(id);
        view.Snapshot.Release();
    }

    private sealed class View(SharedSnapshot snapshot)
    {
        public SharedSnapshot Snapshot => snapshot;

        /// <summary>Connections that hold it.</summary>
        public int Holders { get; set; }

        public TimeSpan UsedAt { get; set; }
    }
}
