using System.Net;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.Transport;

namespace Delos.Tests.Sequencers;

/// <summary>A LogServer behind a real socket, with one <see cref="ModelReplica"/> per Loglet and none of a disk's delays.</summary>
internal sealed class FakeLogServer : IFrameHandler, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<LogletId, ModelReplica> _replicas = [];
    private Listener _listener;

    public FakeLogServer(uint nodeId)
    {
        NodeId = nodeId;
        _listener = Listen(new IPEndPoint(IPAddress.Loopback, 0));
        EndPoint = _listener.LocalEndPoint;
    }

    public uint NodeId { get; }

    public Guid DiskId { get; init; } = Guid.NewGuid();

    public IPEndPoint EndPoint { get; }

    /// <summary>False: stores are taken and never acknowledged.</summary>
    public bool Acknowledges { get; set; } = true;

    public int Stores { get; private set; }

    public long EntryBytes { get; private set; }

    public ModelReplica Of(LogletId id)
    {
        lock (_lock)
        {
            if (!_replicas.TryGetValue(id, out var replica)) _replicas[id] = replica = new ModelReplica();
            return replica;
        }
    }

    public async Task StopAsync() => await _listener.DisposeAsync();

    public void Start() => _listener = Listen(EndPoint);

    public void OnFrame(Connection connection, in Frame frame)
    {
        lock (_lock)
        {
            switch (frame.Type)
            {
                case FrameType.Store when frame.TryRead<Store>(out var store):
                    Stores++;
                    EntryBytes += frame.Payload.Length;
                    var replica = Of(store.Loglet);
                    var status = replica.Store(store.First, Entries.IdsOf(frame.Payload), store.Config is not null, store.GlobalTail);
                    if (!replica.IsSealed && Acknowledges) replica.Sync();
                    if (Acknowledges || status != StatusCode.Ok) connection.Enqueue(new StoreAck(store.Loglet, store.Incarnation, status, replica.Durable, replica.Accepted));
                    break;
                case FrameType.GlobalTail when frame.TryRead<GlobalTail>(out var tail):
                    Of(tail.Loglet).Announce(tail.Tail);
                    break;
                case FrameType.Confirm when frame.TryRead<Confirm>(out var confirm):
                    var asked = Of(confirm.Loglet);
                    connection.Enqueue(new ConfirmReply(confirm.Loglet, confirm.Incarnation, confirm.Round, asked.IsSealed ? StatusCode.Sealed : StatusCode.Ok, asked.Durable));
                    break;
                case FrameType.Seal when frame.TryRead<Seal>(out var seal):
                    Of(seal.Config.Id).Seal();
                    connection.Reply(new SealReply(StatusCode.Ok, Of(seal.Config.Id).Durable, 0), frame.CorrelationId);
                    break;
            }
        }
    }

    public void OnBatchEnd(Connection connection)
    {
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private Listener Listen(IPEndPoint endPoint) =>
        Listener.Start(endPoint, new LocalPeer(Loopback.Cluster, NodeId, NodeRoles.LogServer, 5, DiskId, PeerLimits.Default), _ => this, ConnectionOptions.Default, 10);
}
