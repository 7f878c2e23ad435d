using System.Collections.Concurrent;
using System.Net;
using Delos.Daemon.Snapshots;
using Delos.LocalStorage;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Snapshots;

/// <summary>A node that serves the snapshots of one directory at a real socket, and may be told to die, to go silent, or to show what it is asked for.</summary>
internal sealed class SnapshotNode : IFrameHandler, IAsyncDisposable
{
    public const string Log = "tables";

    private static readonly Guid s_cluster = new("11111111-2222-3333-4444-555555555555");

    private readonly SnapshotService _service;
    private readonly Listener _listener;
    private int _reads;

    public SnapshotNode(uint id, string directory, SnapshotServiceOptions? options = null, SnapshotWriter? writer = null, TimeProvider? timeProvider = null)
    {
        Id = id;
        Snapshots = new DirectorySnapshots(directory, timeProvider);
        _service = new SnapshotService(log => log == Log ? Snapshots : null, options ?? new SnapshotServiceOptions(), NullLogger.Instance, writer);
        var me = new LocalPeer(s_cluster, id, NodeRoles.None, id, Guid.Empty, PeerLimits.Default);
        _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), me, _ => this, ConnectionOptions.Default, 100);
    }

    public uint Id { get; }

    public DirectorySnapshots Snapshots { get; }

    public IPEndPoint EndPoint => _listener.LocalEndPoint;

    /// <summary>The reads of files, not of manifests, in the order in which they came.</summary>
    public ConcurrentQueue<SnapshotRead> Reads { get; } = new();

    /// <summary>At that read of a file, counted from 1, the node breaks all connections and takes no more.</summary>
    public int DiesAt { get; set; } = int.MaxValue;

    /// <summary>From that read of a file on the node answers nothing.</summary>
    public int SilentFrom { get; set; } = int.MaxValue;

    /// <summary>Completes with the first read that is not answered.</summary>
    public TaskCompletionSource Silenced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (frame.TryRead<SnapshotRead>(out var read) && read.File.Length > 0)
        {
            Reads.Enqueue(read);
            _reads++;
        }

        if (_reads >= DiesAt) connection.Close();
        else if (_reads >= SilentFrom) Silenced.TrySetResult();
        else _service.OnFrame(connection, frame);
    }

    public void OnBatchEnd(Connection connection) => _service.OnBatchEnd(connection);

    public void OnClosed(Connection connection, Exception? reason) => _service.OnClosed(connection, reason);

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _service.DisposeAsync();
    }
}
