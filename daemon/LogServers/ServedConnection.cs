using System.Collections.Concurrent;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>
/// What the role keeps for one connection. The batch belongs to the connection's read loop; subscriptions end from other threads too.
/// </summary>
internal sealed class ServedConnection : IAckSink
{
    private readonly Connection _connection;

    public ServedConnection(Connection connection)
    {
        _connection = connection;
        Batch = new ReplicaBatch(this);
    }

    public ConcurrentDictionary<ulong, Subscription> Subscriptions { get; } = new();

    public ReplicaBatch Batch { get; }

    void IAckSink.Enqueue(in StoreAck ack) => _connection.Enqueue(ack, 0, ack.Flags);

    void IAckSink.Flush() => _connection.Flush();
}
