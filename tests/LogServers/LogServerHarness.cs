using System.Net;
using Delos.Daemon.LogServers;
using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.LogServers;

/// <summary>One LogServer over real sockets and real files in a temporary directory.</summary>
internal sealed class LogServerHarness : IFrameHandler, IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly List<LogServerPeer> _peers = [];
    private readonly bool _ownsDirectory;
    private Listener? _listener;
    private long _allocatedInHandlers;

    private LogServerHarness(string? directory, StorageOptions? storage)
    {
        _ownsDirectory = directory is null;
        DataDirectory = directory ?? Directory.CreateTempSubdirectory("delos-logserver-").FullName;
        Group = new GroupCommit(storage ?? SmallStorage, NullLogger.Instance, TimeProvider.System);
    }

    /// <summary>The node that every harness is, also the one of a copied directory.</summary>
    public static NodeIdentity Me { get; } = new(Guid.NewGuid(), 1, Guid.NewGuid());

    public static StorageOptions SmallStorage { get; } = new()
    {
        SegmentFileBytes = 1 << 20,
        PageBytes = 256 << 10,
        PageMemoryBytes = 4 << 20,
        SpareFiles = 0,
        JournalFileBytes = 128 << 10,
        JournalPageBytes = 64 << 10,
    };

    public string DataDirectory { get; }

    public GroupCommit Group { get; }

    public LogServerService Service { get; private set; } = default!;

    public Exception? Fatal { get; private set; }

    /// <summary>Runs on the read loop between the frames of a receive and the end of its batch: what comes from other connections meanwhile.</summary>
    public Action<Connection>? BeforeBatchEnd { get; set; }

    /// <summary>Bytes allocated on read loops inside the service.</summary>
    public long AllocatedInHandlers => Interlocked.Read(ref _allocatedInHandlers);

    public static LogletConfig Config(int id, ulong incarnation = 7) => LogletConfig.Native(new LogletId(0, (ulong)id), 1, incarnation, [new ReplicaId(Me.NodeId, Me.DiskId)]);

    public static async Task<LogServerHarness> StartAsync(string? directory = null, StorageOptions? storage = null, LogServerOptions? options = null)
    {
        var harness = new LogServerHarness(directory, storage);
        harness.Service = await LogServerService.OpenAsync(
            Path.Combine(harness.DataDirectory, "log"), Me, harness.Group, options ?? new LogServerOptions(), TimeProvider.System, NullLogger.Instance, e => harness.Fatal = e);
        var local = new LocalPeer(Me.ClusterId, Me.NodeId, NodeRoles.LogServer, 7, Me.DiskId, PeerLimits.Default);
        harness._listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), local, _ => harness, ConnectionOptions.Default, 100);
        return harness;
    }

    public async Task<LogServerPeer> ConnectAsync(IFrameHandler? handler = null)
    {
        var peer = new LogServerPeer(handler);
        peer.Connection = await Connector.ConnectAsync(_listener!.LocalEndPoint, LocalPeer.Client(), default, 0, peer, ConnectionOptions.Default);
        _peers.Add(peer);
        return peer;
    }

    /// <summary>A harness over a copy of this one's files as they are now: what a crash would have left.</summary>
    public async Task<LogServerHarness> CrashAsync(Action<string>? damage = null)
    {
        var copy = Directory.CreateTempSubdirectory("delos-logserver-").FullName;
        foreach (var directory in Directory.EnumerateDirectories(DataDirectory, "*", SearchOption.AllDirectories)) Directory.CreateDirectory(directory.Replace(DataDirectory, copy));
        foreach (var file in Directory.EnumerateFiles(DataDirectory, "*", SearchOption.AllDirectories)) File.Copy(file, file.Replace(DataDirectory, copy));
        damage?.Invoke(copy);
        return await StartAsync(copy);
    }

    /// <summary>Entries whose payloads tell their position.</summary>
    public static byte[] Entries(long first, int count, int payloadBytes = 100)
    {
        var bytes = new byte[EntryCodec.EncodedSize(payloadBytes) * count];
        var payload = new byte[payloadBytes];
        for (var i = 0; i < count; i++)
        {
            BitConverter.TryWriteBytes(payload, first + i);
            EntryCodec.Encode(bytes.AsSpan(i * EntryCodec.EncodedSize(payloadBytes)), new AppendId(1, (ulong)(first + i + 1)), EntryKind.Data, payload);
        }

        return bytes;
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Service.OnFrame(connection, frame);
        Interlocked.Add(ref _allocatedInHandlers, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    public void OnBatchEnd(Connection connection)
    {
        BeforeBatchEnd?.Invoke(connection);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Service.OnBatchEnd(connection);
        Interlocked.Add(ref _allocatedInHandlers, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    public void OnClosed(Connection connection, Exception? reason) => Service.OnClosed(connection, reason);

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in _peers) await peer.Connection.DisposeAsync();
        if (_listener is not null) await _listener.DisposeAsync();
        await Service.DisposeAsync();
        Group.Dispose();
        if (_ownsDirectory || DataDirectory.Contains("delos-logserver-", StringComparison.Ordinal)) Directory.Delete(DataDirectory, recursive: true);
    }
}
