using Delos.Protocol.Connections;

namespace Delos.Daemon.LogServers;

/// <summary>
/// What one round of the disk's I/O thread touched: what each has to be told is flushed, and each replica's subscribers are served once, when the round has ended.
/// Everything but <see cref="IsOwnThread"/> belongs to that thread.
/// </summary>
internal sealed class CommitRound
{
    private readonly List<Connection> _connections = [];
    private readonly List<IAckSink> _sinks = [];
    private readonly List<Replica> _replicas = [];
    private int _threadId;

    public List<Replica> Replicas => _replicas;

    /// <summary>True on the I/O thread, once it has touched its first replica.</summary>
    public bool IsOwnThread => Environment.CurrentManagedThreadId == Volatile.Read(ref _threadId);

    public void Touch(Replica replica)
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        _replicas.Add(replica);
    }

    public void Touch(Connection connection)
    {
        if (!_connections.Contains(connection)) _connections.Add(connection);
    }

    public void Touch(IAckSink sink)
    {
        if (_sinks.Contains(sink)) return;
        if (sink.IsInProcess) _sinks.Add(sink);
        else _sinks.Insert(0, sink);
    }

    /// <summary>Sequencers of this process come last: what they do about their acknowledgements is done here, and nobody is to wait for that.</summary>
    public void FlushAll()
    {
        foreach (var connection in _connections) connection.Flush();
        _connections.Clear();
        foreach (var sink in _sinks) sink.FlushRound();
        _sinks.Clear();
    }

    public void End() => _replicas.Clear();
}
