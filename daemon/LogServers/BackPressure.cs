using Delos.Protocol.Connections;

namespace Delos.Daemon.LogServers;

/// <summary>
/// Bounds what is accepted and not yet durable: a source whose stores exceed the bound, a connection or the sequencer in this process, is paused until half of it is durable, so that the sequencer feels a slow disk.
/// Thread-safe.
/// </summary>
internal sealed class BackPressure(LogServerOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPausable, Replica> _paused = [];
    private long _total;
    private int _pausedCount;

    public long InFlightBytes => Interlocked.Read(ref _total);

    public void Accepted(long bytes) => Interlocked.Add(ref _total, bytes);

    public void Durable(long bytes) => Interlocked.Add(ref _total, -bytes);

    /// <summary>At the end of a batch of stores, after the log was kicked: what is in flight will become durable, and the round's end resumes the connection.</summary>
    public void PauseIfOver(IPausable source, Replica replica)
    {
        if (!IsOver(replica, 1)) return;
        lock (_lock)
        {
            if (!_paused.TryAdd(source, replica)) return;
            source.PauseReading();
            Interlocked.Exchange(ref _pausedCount, _paused.Count);
        }

        // The last round may have ended before it could see this connection, and no other need come.
        if (!IsOver(replica, 2)) ResumeIfUnder();
    }

    /// <summary>After a commit round, or when the disk failed and nothing will become durable any more.</summary>
    public void ResumeIfUnder(bool all = false)
    {
        if (Volatile.Read(ref _pausedCount) == 0) return;
        lock (_lock)
        {
            foreach (var (source, replica) in _paused)
            {
                if (!all && IsOver(replica, 2)) continue;
                _paused.Remove(source);
                source.ResumeReading();
            }

            Volatile.Write(ref _pausedCount, _paused.Count);
        }
    }

    public void Forget(IPausable source)
    {
        lock (_lock)
        {
            _paused.Remove(source);
            Volatile.Write(ref _pausedCount, _paused.Count);
        }
    }

    private bool IsOver(Replica replica, int divisor) =>
        InFlightBytes > options.MaxInFlightBytes / divisor || replica.InFlightBytes > options.MaxInFlightBytesPerLog / divisor;
}
