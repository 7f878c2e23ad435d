using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Peers;

/// <summary>Our own: three delosd processes with their defaults.</summary>
/// <param name="executable">Path of delosd.</param>
/// <param name="stripes">Stripes with rotating sequencers; 0: a NativeLoglet.</param>
internal sealed class DelosPeer(string executable, int stripes = 0) : IPeer
{
    private const string Log = "bench";

    // The loads never block. Answers of a striped log come in small pieces, so that its appends would go out in such; the clients of ZooKeeper and NATS are slower so, too (128 B x 256: 13 and 4 %): all three go on in the thread pool.
    private readonly DelosClientOptions _clientOptions = DelosClientOptions.Default with { InlineContinuations = stripes == 0 };
    private DevCluster? _cluster;

    public string Name => stripes == 0 ? "delos" : "delos-striped";

    public string Durability => "on the disks of a majority (FASTER log, O_DSYNC writes); defaults" + (_clientOptions.InlineContinuations ? ", but the client's InlineContinuations" : "");

    public string Write => stripes == 0 ? "append to one log" : $"append to one log of {stripes} stripes";

    public string? Read => "checkTail";

    public string? Tail => "follow";

    public IReadOnlyList<int> ProcessIds => [.. Cluster.Nodes.Where(n => n.IsRunning).Select(n => n.ProcessId)];

    private DevCluster Cluster => _cluster ?? throw new InvalidOperationException("StartAsync was not called.");

    public async Task StartAsync(string directory, CancellationToken cancellationToken) =>
        _cluster = await DevCluster.StartAsync(new DevClusterOptions { Nodes = Servers.Count, Directory = directory, Executable = executable }, cancellationToken).ConfigureAwait(false);

    public async Task<string> VersionAsync(CancellationToken cancellationToken) => (await PeerProcess.OutputAsync(executable, "--version").ConfigureAwait(false)).Trim();

    public async Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken)
    {
        var policy = stripes == 0 ? LogPolicy.Default : LogPolicy.Striped(Servers.Count, stripes);
        return await DelosLogClient.ConnectAsync(Cluster.Endpoints, Log, policy, _clientOptions, cancellationToken).ConfigureAwait(false);
    }

    public async Task<ITailReader> FollowAsync(CancellationToken cancellationToken) => await DelosTailReader.StartAsync(Cluster.Endpoints, Log, cancellationToken).ConfigureAwait(false);

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
