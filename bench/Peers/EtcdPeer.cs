using System.Globalization;

namespace Delos.Bench.Peers;

/// <summary>etcd, as Debian packages it.</summary>
internal sealed class EtcdPeer : IPeer
{
    private readonly Servers _servers = new();
    private readonly int[] _clientPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly int[] _peerPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly HttpClient _metrics = new();

    public string Name => "etcd";

    public string Durability => "on the disks of a majority (WAL with fdatasync); defaults, room for 8 GiB";

    public string Write => "put, over 1,024 keys, by gRPC on one HTTP/2 connection";

    public string? Read => "range of one key, linearizable";

    public string? Scan => $"range of {PeersPlan.ScanRows} keys, linearizable";

    public string? Tail => "a watch of all keys";

    public IReadOnlyList<int> ProcessIds => _servers.ProcessIds;

    public async Task StartAsync(string directory, CancellationToken cancellationToken)
    {
        var cluster = string.Join(',', Enumerable.Range(0, Servers.Count).Select(i => $"s{i}=http://127.0.0.1:{_peerPorts[i]}"));
        for (var i = 0; i < Servers.Count; i++)
        {
            _servers.Add(PeerProcess.Start(Path.Combine(directory, $"etcd-{i}.out"), new Dictionary<string, string>(), "etcd",
                "--name", $"s{i}", "--data-dir", Path.Combine(directory, $"etcd-{i}"),
                "--listen-client-urls", $"http://127.0.0.1:{_clientPorts[i]}", "--advertise-client-urls", $"http://127.0.0.1:{_clientPorts[i]}",
                "--listen-peer-urls", $"http://127.0.0.1:{_peerPorts[i]}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{_peerPorts[i]}",
                "--initial-cluster", cluster, "--initial-cluster-token", $"bench-{Environment.ProcessId}", "--quota-backend-bytes", "8589934592", "--log-level", "warn"));
        }

        await _servers.UntilAsync(
            async () =>
            {
                await using var client = await ConnectAsync(cancellationToken).ConfigureAwait(false);
                await client.WriteAsync(new byte[1]).ConfigureAwait(false);
                return true;
            },
            "etcd takes no writes", cancellationToken).ConfigureAwait(false);
    }

    public async Task<string> VersionAsync(CancellationToken cancellationToken) => (await PeerProcess.OutputAsync("etcd", "--version").ConfigureAwait(false)).Split('\n')[0].Replace("etcd Version: ", "", StringComparison.Ordinal).Trim();

    public async Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken)
    {
        var leader = await LeaderAsync(cancellationToken).ConfigureAwait(false);
        return new EtcdClient(_clientPorts[_servers.FollowerOf(leader)]);
    }

    public async Task<ITailReader> FollowAsync(CancellationToken cancellationToken) =>
        await EtcdTailReader.StartAsync(_clientPorts[(await LeaderAsync(cancellationToken).ConfigureAwait(false) + 2) % Servers.Count], cancellationToken).ConfigureAwait(false);

    public async Task KillLeaderAsync(CancellationToken cancellationToken) => await _servers[await LeaderAsync(cancellationToken).ConfigureAwait(false)].KillAsync().ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        await _servers.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    private Task<int> LeaderAsync(CancellationToken cancellationToken) => _servers.UntilAsync(
        async () =>
        {
            for (var i = 0; i < Servers.Count; i++)
            {
                if (!_servers[i].IsRunning) continue;
                var text = await _metrics.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_clientPorts[i]}/metrics")), cancellationToken).ConfigureAwait(false);
                if (text.Contains("\netcd_server_is_leader 1", StringComparison.Ordinal)) return i;
            }

            throw new PeerException("there is no leader");
        },
        "etcd has no leader", cancellationToken);
}
