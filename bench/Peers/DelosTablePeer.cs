using Delos.Client;
using Delos.Daemon.Dev;

namespace Delos.Bench.Peers;

/// <summary>Our tables: three delosd processes with their defaults and the role table, each with a replica.</summary>
/// <param name="executable">Path of delosd.</param>
internal sealed class DelosTablePeer(string executable) : IPeer
{
    private const string Log = "tables";
    private DevCluster? _cluster;

    public string Name => "delos-table";

    public string Durability => "on the disks of a majority (FASTER log, O_DSYNC writes) and applied by the replica that answers; defaults";

    public string Write => "put of one row, over 1,024 keys";

    public string? Read => "get of one row, linearizable";

    public string? Scan => $"scan of {PeersPlan.ScanRows} rows, linearizable";

    public string? Tail => "watch of the table";

    public IReadOnlyList<int> ProcessIds => [.. Cluster.Nodes.Where(n => n.IsRunning).Select(n => n.ProcessId)];

    private DevCluster Cluster => _cluster ?? throw new InvalidOperationException("StartAsync was not called.");

    public async Task StartAsync(string directory, CancellationToken cancellationToken)
    {
        _cluster = await DevCluster.StartAsync(new DevClusterOptions { Nodes = Servers.Count, Directory = directory, Executable = executable, Settings = ["roles.table=true"] }, cancellationToken).ConfigureAwait(false);
        await using var client = new DelosTableClient(Cluster.Endpoints);
        await client.CreateTableAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task<string> VersionAsync(CancellationToken cancellationToken) => (await PeerProcess.OutputAsync(executable, "--version").ConfigureAwait(false)).Trim();

    public Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken) => Task.FromResult<IPeerClient>(new DelosTableClient(Cluster.Endpoints));

    public Task<ITailReader> FollowAsync(CancellationToken cancellationToken) => DelosTableReader.StartAsync(Cluster.Endpoints, cancellationToken);

    public async Task KillLeaderAsync(CancellationToken cancellationToken)
    {
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints, cancellationToken: cancellationToken).ConfigureAwait(false);
        await Cluster[(await client.Admin.ChainAsync(Log, cancellationToken).ConfigureAwait(false)).Active.Loglet.SequencerNodes[0]].KillAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync().ConfigureAwait(false);
    }
}
