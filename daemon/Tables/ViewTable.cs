using Delos.Protocol.Tables;

namespace Delos.Daemon.Tables;

/// <summary>
/// States of the tables that are held for clients' scans and transactions, by their ids; each for a while after its last use, and a bounded number. When there is no room, the connection that holds most loses the one that
/// it has not used for longest. Thread-safe; told the time.
/// </summary>
/// <remarks>
/// Each hold has an id of its own, drawn at random: to be released twice, late, or over another connection than it was made on, it does not end the hold of another scan on the same state, as counting would. What was made before
/// the process began is not met again.
/// </remarks>
/// <param name="most">Views in all; of one connection a quarter.</param>
/// <param name="idleTime">How long one is held after its last use.</param>
internal sealed class ViewTable(int most, TimeSpan idleTime)
{
    /// <summary>Of one connection on one state, so that who never releases does not fill the memory.</summary>
    public const int MostHoldsOfView = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<SnapshotId, View> _views = [];
    private readonly Dictionary<long, Dictionary<SnapshotId, HashSet<ulong>>> _holders = [];
    private readonly Dictionary<ulong, (long Connection, SnapshotId View)> _holds = [];
    private int _count;
    private bool _closed;

    /// <summary>Views held, of all connections; several holds of one connection on one state count once.</summary>
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

    /// <summary>Holds a state for a connection, once more. The caller keeps its own reference.</summary>
    /// <returns>The hold's id; 0: it is not held, because nothing is any more, or this connection has <see cref="MostHoldsOfView"/> on it.</returns>
    public ulong Hold(long connection, SharedSnapshot snapshot, TimeSpan now)
    {
        lock (_lock)
        {
            if (_closed) return 0;
            if (!_holders.TryGetValue(connection, out var views)) _holders[connection] = views = [];
            if (!views.TryGetValue(snapshot.Id, out var holds))
            {
                if (views.Count >= MostOfConnection) Drop(connection, OldestOf(views));
                else if (_count >= most) DropOfGreatest();

                // What was dropped may have been the connection's last.
                _holders[connection] = views;
                views.Add(snapshot.Id, holds = []);
                _count++;
                if (!_views.TryGetValue(snapshot.Id, out var known))
                {
                    _views[snapshot.Id] = known = new View(snapshot);
                    snapshot.Retain();
                }

                known.Holders++;
            }

            if (holds.Count >= MostHoldsOfView) return 0;
            _views[snapshot.Id].UsedAt = now;
            var id = NewId();
            holds.Add(id);
            _holds.Add(id, (connection, snapshot.Id));
            return id;
        }
    }

    /// <summary>Ends one hold; nothing happens if it has ended.</summary>
    public void Release(ulong hold)
    {
        lock (_lock)
        {
            if (!_holds.Remove(hold, out var held)) return;
            var holds = _holders[held.Connection][held.View];
            holds.Remove(hold);
            if (holds.Count == 0) Drop(held.Connection, held.View);
        }
    }

    /// <summary>Lets go of what nobody used for long. What a lost connection held is among it: its client may be back, by another one.</summary>
    public void Expire(TimeSpan now)
    {
        lock (_lock)
        {
            var expired = _views.Values.Where(v => now - v.UsedAt > idleTime).Select(static v => v.Snapshot.Id).ToHashSet();
            if (expired.Count == 0) return;
            foreach (var (connection, views) in _holders.ToList())
            {
                foreach (var id in views.Keys.Where(expired.Contains).ToList()) Drop(connection, id);
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
            _holds.Clear();
            _count = 0;
        }
    }

    /// <summary>As <see cref="Clear"/>, and nothing is held any more.</summary>
    public void Close()
    {
        lock (_lock) _closed = true;
        Clear();
    }

    private ulong NewId()
    {
        while (true)
        {
            var id = (ulong)Random.Shared.NextInt64();
            if (id != 0 && !_holds.ContainsKey(id)) return id;
        }
    }

    private void DropOfGreatest()
    {
        var (connection, views) = _holders.MaxBy(static h => h.Value.Count);
        Drop(connection, OldestOf(views));
    }

    private SnapshotId OldestOf(Dictionary<SnapshotId, HashSet<ulong>> views) => views.Keys.MinBy(id => _views[id].UsedAt);

    private void Drop(long connection, SnapshotId id)
    {
        var views = _holders[connection];
        if (views.Remove(id, out var holds))
        {
            foreach (var hold in holds) _holds.Remove(hold);
        }

        if (views.Count == 0) _holders.Remove(connection);
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
