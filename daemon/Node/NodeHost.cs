using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Node;

/// <summary>
/// One node, from its data directory to its clean stop. Starts in this order: disk, MetaStore, listener (nodes of a cluster start together and need each
/// other's MetaStore), LogServer, registration in the node list, sequencer, monitor, tables; then it is ready. Stops in the reverse order.
/// </summary>
internal sealed class NodeHost : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<(string Role, Exception Reason)> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NodeDisk? _disk;
    private NodeServices? _services;
    private volatile NodeStatusReporter? _status;
    private Listener? _listener;
    private Task _rehearsal = Task.CompletedTask;

    public NodeHost(NodeOptions options, ILoggerFactory loggers)
    {
        _options = options;
        _loggers = loggers;
        _logger = loggers.CreateLogger("Delos.Node");
    }

    /// <summary>Told the line <c>READY node=… listen=… cluster=…</c> once the node serves.</summary>
    public Action<string>? OnReady { get; set; }

    /// <summary>Told when the stop begins.</summary>
    public Action? OnStopping { get; set; }

    /// <summary>Serves until cancelled. False: a role failed, nothing more was acknowledged.</summary>
    /// <exception cref="NodeStartException">The node may not or cannot start.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await StartAsync(started, cancellationToken).ConfigureAwait(false);
            var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using (cancellationToken.Register(cancelled.SetResult).ConfigureAwait(false))
            {
                await Task.WhenAny(cancelled.Task, _failed.Task).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Told to stop while starting.
        }

        OnStopping?.Invoke();
        if (_failed.Task.IsCompletedSuccessfully) return false;
        _logger.NodeStopping("asked to");
        await DisposeAsync().ConfigureAwait(false);
        _logger.NodeStopped();
        return true;
    }

    /// <summary>Stops what was started. After a failure of the log nothing is waited for: the process must end, not tidy up.</summary>
    public async ValueTask DisposeAsync()
    {
        var stop = StopAsync();
        var timeout = _failed.Task.IsCompleted ? TimeSpan.FromMilliseconds(200) : _options.StopTimeout;
        var first = await Task.WhenAny(stop, Task.Delay(timeout)).ConfigureAwait(false);
        if (first == stop) await stop.ConfigureAwait(false);
        else _logger.StopTimedOut(timeout);
    }

    private async Task StartAsync(long started, CancellationToken cancellationToken)
    {
        var disk = _disk = NodeDisk.Open(_options);
        var identity = disk.Identity.Identity;
        var incarnation = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
        _logger.NodeStarting(identity.NodeId, identity.ClusterId, _options.Roles, identity.DiskId, incarnation, disk.Path);

        var limits = new PeerLimits(_options.MaxFrameBytes, _options.MaxEntryBytes, _options.InFlightBytes);
        var me = new LocalPeer(identity.ClusterId, identity.NodeId, _options.Roles, incarnation, identity.DiskId, limits);
        var connections = new ConnectionOptions
        {
            MaxFrameBytes = _options.MaxFrameBytes,
            MaxQueuedBytes = _options.QueuedBytes,
            HelloTimeout = _options.HelloTimeout,
            HeartbeatInterval = _options.HeartbeatInterval,
            HeartbeatTimeout = _options.HeartbeatTimeout,
            Logger = _loggers.CreateLogger("Delos.Connections"),
        };
        var router = new NodeFrameRouter(_options.Roles);
        var status = _status = new NodeStatusReporter(identity, _options.Roles, incarnation, disk.Path);
        router.AttachStatus(status);
        var services = _services = new NodeServices(_options, disk, me, connections, router, status, Fail, _loggers);

        // A replaced disk's acceptor remembers nothing of what the lost one promised: it serves only after the node list names this disk.
        if (!disk.Identity.IsReplacement) services.StartMetaStore();
        var listener = _listener = Listen(me, router, connections);
        status.Connections = () => (listener.ConnectionCount, listener.InProcessConnectionCount);
        _logger.NodeListening(listener.LocalEndPoint);
        await services.StartLogServerAsync().ConfigureAwait(false);

        var advertised = Advertised(listener.LocalEndPoint);
        var info = new NodeInfo(identity.NodeId, identity.DiskId, advertised.Host, advertised.Port, _options.Roles);
        await services.RegisterAsync(info, cancellationToken).ConfigureAwait(false);
        if (disk.Identity.IsReplacement) services.StartMetaStore();
        services.StartSequencer();
        services.StartMonitor();
        services.StartTable(new InProcessRoute(NodeAddress.Of(advertised.Host, advertised.Port), listener));
        status.SetReady();
        _logger.NodeReady((long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        OnReady?.Invoke($"READY node={identity.NodeId} listen={listener.LocalEndPoint} cluster={identity.ClusterId}");
        if (_options.Rehearse) _rehearsal = Rehearsal.RunAsync(disk.RehearsalDirectory, _logger, _stopping.Token);
    }

    private Listener Listen(LocalPeer me, NodeFrameRouter router, ConnectionOptions connections)
    {
        try
        {
            var address = IPAddress.TryParse(_options.Listen.Host, out var parsed) ? parsed : Dns.GetHostAddresses(_options.Listen.Host)[0];
            return Listener.Start(new IPEndPoint(address, _options.Listen.Port), me, _ => router, connections, _options.MaxConnections);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new NodeStartException($"node.listen = {_options.Listen}: {e.Message}", e);
        }
    }

    private HostPort Advertised(IPEndPoint listening) =>
        _options.Advertise ?? new HostPort(_options.Listen.IsWildcard ? Dns.GetHostName() : _options.Listen.Host, listening.Port);

    /// <summary>A role met an I/O error on its log. Called once or more, from any thread.</summary>
    private void Fail(string role, Exception reason)
    {
        _status?.SetDiskFailed();
        if (!_failed.TrySetResult((role, reason))) return;
        if (reason is OutOfMemoryException) _logger.NodeOutOfMemory(reason, role);
        else _logger.NodeFailed(reason, role);
    }

    private async Task StopAsync()
    {
        // Off the caller's thread, so that a part that blocks cannot outlast the timeout.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _rehearsal.ConfigureAwait(false);
        if (Interlocked.Exchange(ref _services, null) is { } services)
        {
            await services.StopServingAsync().ConfigureAwait(false);
            if (Interlocked.Exchange(ref _listener, null) is { } listener) await listener.DisposeAsync().ConfigureAwait(false);
            await services.DisposeAsync().ConfigureAwait(false);
        }

        Interlocked.Exchange(ref _disk, null)?.Dispose();
    }
}
