using System.Globalization;
using System.Text.Json;

namespace Delos.Bench.Peers;

/// <summary>NATS JetStream, as Debian packages it. It does not sync its writes: an acknowledged one is in the memory of a majority's kernels.</summary>
internal sealed class NatsPeer : IPeer
{
    private readonly Servers _servers = new();
    private readonly int[] _clientPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly int[] _peerPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly int[] _httpPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly HttpClient _http = new();

    public string Name => "NATS JetStream";

    public string Durability => "NOT durable: written to the files of a majority, synced every two minutes only (its default)";

    public string Write => "publish to one stream with three replicas on file, acknowledged";

    public string? Read => null;

    public string? Tail => "a push consumer of the stream, without acknowledgements";

    public IReadOnlyList<int> ProcessIds => _servers.ProcessIds;

    public async Task StartAsync(string directory, CancellationToken cancellationToken)
    {
        var routes = string.Join(", ", _peerPorts.Select(p => $"nats://127.0.0.1:{p}"));
        for (var i = 0; i < Servers.Count; i++)
        {
            var file = Path.Combine(directory, $"nats-{i}.conf");
            await File.WriteAllTextAsync(file,
                $$"""
                server_name: s{{i}}
                listen: 127.0.0.1:{{_clientPorts[i]}}
                http: 127.0.0.1:{{_httpPorts[i]}}
                jetstream { store_dir: "{{Path.Combine(directory, $"nats-{i}")}}", max_file_store: 20GB }
                cluster { name: bench, listen: 127.0.0.1:{{_peerPorts[i]}}, routes: [ {{routes}} ] }
                """, cancellationToken).ConfigureAwait(false);
            _servers.Add(PeerProcess.Start(Path.Combine(directory, $"nats-{i}.out"), new Dictionary<string, string>(), "nats-server", "-c", file));
        }

        await _servers.UntilAsync(
            async () =>
            {
                await using var client = await NatsClient.ConnectAsync(_clientPorts[0], cancellationToken).ConfigureAwait(false);
                await client.CreateStreamAsync(cancellationToken).ConfigureAwait(false);
                await client.WriteAsync(new byte[1]).ConfigureAwait(false);
                return true;
            },
            "NATS takes no writes", cancellationToken).ConfigureAwait(false);
    }

    public async Task<string> VersionAsync(CancellationToken cancellationToken) => (await PeerProcess.OutputAsync("nats-server", "--version").ConfigureAwait(false)).Replace("nats-server: v", "", StringComparison.Ordinal).Trim();

    public async Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken)
    {
        var leader = await LeaderAsync(cancellationToken).ConfigureAwait(false);
        return await NatsClient.ConnectAsync(_clientPorts[_servers.FollowerOf(leader)], cancellationToken).ConfigureAwait(false);
    }

    public async Task<ITailReader> FollowAsync(CancellationToken cancellationToken)
    {
        var client = await NatsClient.ConnectAsync(_clientPorts[(await LeaderAsync(cancellationToken).ConfigureAwait(false) + 2) % Servers.Count], cancellationToken).ConfigureAwait(false);
        await client.ConsumeAsync(cancellationToken).ConfigureAwait(false);
        return client;
    }

    public async Task KillLeaderAsync(CancellationToken cancellationToken) => await _servers[await LeaderAsync(cancellationToken).ConfigureAwait(false)].KillAsync().ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        await _servers.DisposeAsync().ConfigureAwait(false);
        _http.Dispose();
    }

    /// <summary>Of the stream's own group.</summary>
    private Task<int> LeaderAsync(CancellationToken cancellationToken) => _servers.UntilAsync(
        async () =>
        {
            for (var i = 0; i < Servers.Count; i++)
            {
                if (!_servers[i].IsRunning) continue;
                var text = await _http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_httpPorts[i]}/jsz?streams=1&accounts=1")), cancellationToken).ConfigureAwait(false);
                using var json = JsonDocument.Parse(text);
                if (!json.RootElement.TryGetProperty("account_details", out var accounts)) continue;
                foreach (var stream in accounts.EnumerateArray().Where(a => a.TryGetProperty("stream_detail", out _)).SelectMany(a => a.GetProperty("stream_detail").EnumerateArray()))
                {
                    if (stream.TryGetProperty("cluster", out var cluster) && cluster.TryGetProperty("leader", out var leader) && leader.GetString() is { Length: > 1 } name)
                    {
                        var index = int.Parse(name[1..], CultureInfo.InvariantCulture);
                        if (_servers[index].IsRunning) return index;
                    }
                }
            }

            throw new PeerException("there is no leader");
        },
        "the stream has no leader", cancellationToken);
}
