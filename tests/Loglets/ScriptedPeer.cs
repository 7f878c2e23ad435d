using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Loglets;

/// <summary>One node that speaks the real protocol and says what the test tells it to.</summary>
internal sealed class ScriptedPeer(uint nodeId, Guid disk, ulong incarnation) : IFrameHandler, IAsyncDisposable
{
    private readonly ConcurrentDictionary<FrameType, Action<Connection, Received>> _scripts = new();
    private readonly ConcurrentDictionary<long, Connection> _connections = new();
    private readonly ConcurrentQueue<Received> _received = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private Listener? _listener;

    /// <summary>One frame as it came.</summary>
    public sealed record Received(FrameType Type, ulong CorrelationId, object Message, byte[] Payload);

    public ReplicaIdentity Identity => new(nodeId, disk);

    /// <summary>What it says in its Hello; from the next connection on.</summary>
    public PeerLimits Limits { get; init; } = PeerLimits.Default;

    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    public IReadOnlyList<Received> Log => [.. _received];

    public ScriptedPeer Start()
    {
        var me = new LocalPeer(Guid.Empty, nodeId, NodeRoles.Sequencer | NodeRoles.LogServer, incarnation, disk, Limits);
        _listener = Listener.Start(EndPoint, me, _ => this, ConnectionOptions.Default, 100);
        EndPoint = _listener.LocalEndPoint;
        return this;
    }

    /// <summary>The same address and disk, another process.</summary>
    public ScriptedPeer Restarted(ulong newIncarnation) => new ScriptedPeer(nodeId, disk, newIncarnation) { EndPoint = EndPoint }.Start();

    /// <summary>What to do with frames of that type, on the connection's read loop; replaces what was said before.</summary>
    public void On<T>(Action<Connection, T, Received> script)
        where T : struct, IMessage<T> => _scripts[T.Type] = (connection, frame) => script(connection, (T)frame.Message, frame);

    /// <summary>A request always answered with the same.</summary>
    public void Answer<T, TReply>(Func<T, TReply> reply)
        where T : struct, IMessage<T>
        where TReply : struct, IMessage<TReply> => On<T>((connection, message, frame) => connection.Reply(reply(message), frame.CorrelationId));

    /// <summary>Waits until so many frames of that type have come, and returns them.</summary>
    public async Task<List<Received>> WaitAsync(FrameType type, int count)
    {
        // Over all: frames of other types may come for ever.
        using var limit = new CancellationTokenSource(Patience.Long);
        while (true)
        {
            var found = _received.Where(r => r.Type == type).ToList();
            if (found.Count >= count) return found;
            try
            {
                await _arrived.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"{found.Count} of {count} {type} frames came");
            }
        }
    }

    /// <summary>Cuts all connections; the node goes on listening.</summary>
    public void Cut()
    {
        foreach (var connection in _connections.Values) connection.Close();
    }

    /// <summary>Sends something on every connection.</summary>
    public void Push<T>(T message, ulong correlationId = 0, FrameFlags flags = FrameFlags.None)
        where T : struct, IMessage<T>
    {
        foreach (var connection in _connections.Values)
        {
            connection.Enqueue(message, correlationId, flags);
            connection.Flush();
        }
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        _connections[connection.Id] = connection;
        var received = new Received(frame.Type, frame.CorrelationId, Read(frame), frame.Payload.ToArray());
        _received.Enqueue(received);
        if (_scripts.TryGetValue(frame.Type, out var script)) script(connection, received);
        _arrived.Release();
    }

    public void OnBatchEnd(Connection connection)
    {
    }

    public void OnClosed(Connection connection, Exception? reason) => _connections.TryRemove(connection.Id, out _);

    public async ValueTask DisposeAsync()
    {
        if (_listener is not null) await _listener.DisposeAsync();
        _listener = null;
    }

    private static object Read(in Frame frame) => frame.Type switch
    {
        FrameType.Append => As<Append>(frame),
        FrameType.CheckTail => As<CheckTail>(frame),
        FrameType.Fill => As<Fill>(frame),
        FrameType.OpenLoglet => As<OpenLoglet>(frame),
        FrameType.Status => As<Status>(frame),
        FrameType.Seal => As<Seal>(frame),
        FrameType.Read => As<Read>(frame),
        FrameType.Repair => As<Repair>(frame),
        FrameType.Trim => As<Trim>(frame),
        FrameType.Subscribe => As<Subscribe>(frame),
        FrameType.Credit => As<Credit>(frame),
        FrameType.Unsubscribe => As<Unsubscribe>(frame),
        FrameType.DeleteLoglet => As<DeleteLoglet>(frame),
        _ => throw new InvalidOperationException($"Nobody expected a {frame.Type}."),
    };

    private static object As<T>(in Frame frame)
        where T : struct, IMessage<T> => frame.TryRead<T>(out var message) ? message : throw new InvalidOperationException($"A {T.Type} makes no sense.");
}

internal readonly record struct ReplicaIdentity(uint NodeId, Guid Disk);
