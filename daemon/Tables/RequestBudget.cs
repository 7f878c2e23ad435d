namespace Delos.Daemon.Tables;

/// <summary>Bounds what is in hand, of all kinds of requests: in number and bytes, of each connection and in all. What is beyond is refused, not queued. Thread-safe.</summary>
internal sealed class RequestBudget(TableOptions options)
{
    private int _requests;
    private long _bytes;
    private int _watches;

    public int Requests => Volatile.Read(ref _requests);

    public int Watches => Volatile.Read(ref _watches);

    /// <summary>False: too much is in hand.</summary>
    public bool TryTake(TableConnection connection, int bytes)
    {
        var mine = Interlocked.Increment(ref connection.Requests);
        var all = Interlocked.Increment(ref _requests);
        var size = Interlocked.Add(ref _bytes, bytes);
        if (mine <= Math.Max(1, options.MaxRequests / 4) && all <= options.MaxRequests && (size <= options.MaxRequestBytes || all == 1)) return true;
        Return(connection, bytes);
        return false;
    }

    public void Return(TableConnection connection, int bytes)
    {
        Interlocked.Decrement(ref connection.Requests);
        Interlocked.Decrement(ref _requests);
        Interlocked.Add(ref _bytes, -bytes);
    }

    /// <summary>A request that waits for a change, besides being one in hand.</summary>
    public bool TryTakeWatch(TableConnection connection)
    {
        var mine = Interlocked.Increment(ref connection.Watches);
        var all = Interlocked.Increment(ref _watches);
        if (mine <= Math.Max(1, options.MaxWatches / 4) && all <= options.MaxWatches) return true;
        ReturnWatch(connection);
        return false;
    }

    public void ReturnWatch(TableConnection connection)
    {
        Interlocked.Decrement(ref connection.Watches);
        Interlocked.Decrement(ref _watches);
    }
}
