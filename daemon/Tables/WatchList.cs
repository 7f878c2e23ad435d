namespace Delos.Daemon.Tables;

/// <summary>Queries for changes that have found none yet, and wait for the next commit. Thread-safe.</summary>
internal sealed class WatchList
{
    private readonly Lock _lock = new();
    private List<ReadRequest> _waiting = [];
    private long _commits;

    /// <summary>How many commits there were: to be noted before the state is looked at that may have no change.</summary>
    public long Commits => Volatile.Read(ref _commits);

    /// <summary>False: there was a commit since <paramref name="commits"/> was noted, so it looks again at once.</summary>
    public bool TryAdd(ReadRequest request, long commits)
    {
        lock (_lock)
        {
            if (_commits != commits) return false;
            _waiting.Add(request);
            return true;
        }
    }

    /// <summary>A commit: those who waited, or null.</summary>
    public List<ReadRequest>? OnCommitted()
    {
        lock (_lock)
        {
            _commits++;
            return _waiting.Count == 0 ? null : TakeAll();
        }
    }

    public List<ReadRequest> Take(Predicate<ReadRequest> which)
    {
        lock (_lock)
        {
            var taken = _waiting.FindAll(which);
            if (taken.Count > 0) _waiting.RemoveAll(taken.Contains);
            return taken;
        }
    }

    private List<ReadRequest> TakeAll()
    {
        var all = _waiting;
        _waiting = [];
        return all;
    }
}
