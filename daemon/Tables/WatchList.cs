using Delos.Tables;

namespace Delos.Daemon.Tables;

/// <summary>Queries for changes that have found none yet, and wait for the next commit that changes their table. Thread-safe.</summary>
/// <remarks>
/// No watch sleeps through a change. Who looks notes first how many commits there were. A change that its look did not see was committed after that, and is announced after it was committed: if that was before
/// <see cref="TryAdd"/>, the table's number is above the noted one, and it looks again; if it was later, the watch is on the list, and is woken.
/// </remarks>
/// <typeparam name="T">A query.</typeparam>
internal sealed class WatchList<T>
{
    /// <summary>Tables whose last change is remembered; of names that were dropped entries are left, and all are forgotten now and then.</summary>
    public const int MostRemembered = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<T>> _waiting = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _changedAt = new(StringComparer.Ordinal);
    private long _commits;
    private long _allChangedAt;

    /// <summary>How many commits there were: to be noted before the state is looked at that may have no change.</summary>
    public long Commits => Volatile.Read(ref _commits);

    /// <summary>False: the table may have changed since <paramref name="commits"/> was noted, so it looks again at once.</summary>
    public bool TryAdd(string table, T request, long commits)
    {
        lock (_lock)
        {
            if (_allChangedAt > commits || _changedAt.GetValueOrDefault(table) > commits) return false;
            if (!_waiting.TryGetValue(table, out var waiting)) _waiting[table] = waiting = [];
            waiting.Add(request);
            return true;
        }
    }

    /// <summary>A commit, after what it wrote can be read: those who waited for a table that it may have changed, or null.</summary>
    public List<T>? OnCommitted(ChangedTables changed)
    {
        lock (_lock)
        {
            var commit = _commits + 1;
            if (changed.All || _changedAt.Count + changed.Names.Count > MostRemembered)
            {
                _changedAt.Clear();
                _allChangedAt = commit;
            }

            List<T>? woken = null;
            if (_allChangedAt == commit)
            {
                woken = TakeAll();
            }
            else
            {
                foreach (var table in changed.Names)
                {
                    _changedAt[table] = commit;
                    if (!_waiting.Remove(table, out var waiting)) continue;
                    if (woken is null) woken = waiting;
                    else woken.AddRange(waiting);
                }
            }

            Volatile.Write(ref _commits, commit);
            return woken;
        }
    }

    public List<T> Take(Predicate<T> which)
    {
        lock (_lock)
        {
            var taken = new List<T>();
            foreach (var (table, waiting) in _waiting)
            {
                var removed = waiting.RemoveAll(request =>
                {
                    var isTaken = which(request);
                    if (isTaken) taken.Add(request);
                    return isTaken;
                });

                // Removing the current one does not disturb the enumeration of a dictionary.
                if (removed > 0 && waiting.Count == 0) _waiting.Remove(table);
            }

            return taken;
        }
    }

    private List<T>? TakeAll()
    {
        if (_waiting.Count == 0) return null;
        var all = new List<T>();
        foreach (var waiting in _waiting.Values) all.AddRange(waiting);
        _waiting.Clear();
        return all;
    }
}
