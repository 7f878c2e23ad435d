using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Delos.Bench.Peers;

/// <summary>ZooKeeper, as Debian packages it.</summary>
internal sealed class ZooKeeperPeer : IPeer
{
    private const string Configuration = "/etc/zookeeper/conf";
    private readonly Servers _servers = new();
    private readonly int[] _clientPorts = PeerProcess.FreePorts(Servers.Count);
    private readonly int[] _peerPorts = PeerProcess.FreePorts(2 * Servers.Count);

    public string Name => "ZooKeeper";

    public string Durability => "on the disks of a majority (forceSync, the default); 1 GiB of heap, snapshot every 1,000,000 writes";

    public string Write => "setData, over 1,024 znodes, pipelined on one session";

    public string? Read => "sync and getData";

    public string? Tail => null;

    public IReadOnlyList<int> ProcessIds => _servers.ProcessIds;

    public async Task StartAsync(string directory, CancellationToken cancellationToken)
    {
        var members = string.Concat(Enumerable.Range(0, Servers.Count).Select(i => string.Create(CultureInfo.InvariantCulture, $"server.{i + 1}=127.0.0.1:{_peerPorts[2 * i]}:{_peerPorts[2 * i + 1]}\n")));
        var classPath = await ClassPathAsync().ConfigureAwait(false);
        for (var i = 0; i < Servers.Count; i++)
        {
            var data = Path.Combine(directory, $"zookeeper-{i}");
            Directory.CreateDirectory(data);
            await File.WriteAllTextAsync(Path.Combine(data, "myid"), $"{i + 1}\n", cancellationToken).ConfigureAwait(false);
            var file = Path.Combine(data, "zoo.cfg");
            await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture,
                $"tickTime=500\ninitLimit=20\nsyncLimit=10\nsnapCount=1000000\nglobalOutstandingLimit=100000\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\ndataDir={data}\nclientPortAddress=127.0.0.1\nclientPort={_clientPorts[i]}\n{members}"), cancellationToken).ConfigureAwait(false);
            _servers.Add(PeerProcess.Start(Path.Combine(directory, $"zookeeper-{i}.out"), new Dictionary<string, string>(), "java",
                "-Xms1g", "-Xmx1g", "-cp", classPath, "-Dzookeeper.root.logger=WARN,CONSOLE", "org.apache.zookeeper.server.quorum.QuorumPeerMain", file));
        }

        await _servers.UntilAsync(
            async () =>
            {
                await using var client = await ZooKeeperClient.ConnectAsync(_clientPorts[0], cancellationToken).ConfigureAwait(false);
                await client.CreateKeysAsync().ConfigureAwait(false);
                return true;
            },
            "ZooKeeper takes no writes", cancellationToken).ConfigureAwait(false);
    }

    public async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        var said = await AskAsync(_clientPorts[0], cancellationToken).ConfigureAwait(false);
        return said.Split('\n')[0].Replace("Zookeeper version: ", "", StringComparison.Ordinal).Split('-', ',')[0];
    }

    public async Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken)
    {
        var leader = await LeaderAsync(cancellationToken).ConfigureAwait(false);
        return await ZooKeeperClient.ConnectAsync(_clientPorts[_servers.FollowerOf(leader)], cancellationToken).ConfigureAwait(false);
    }

    public Task<ITailReader> FollowAsync(CancellationToken cancellationToken) => throw new NotSupportedException("ZooKeeper's watches tell of one change each.");

    public async Task KillLeaderAsync(CancellationToken cancellationToken) => await _servers[await LeaderAsync(cancellationToken).ConfigureAwait(false)].KillAsync().ConfigureAwait(false);

    public ValueTask DisposeAsync() => _servers.DisposeAsync();

    private Task<int> LeaderAsync(CancellationToken cancellationToken) => _servers.UntilAsync(
        async () =>
        {
            for (var i = 0; i < Servers.Count; i++)
            {
                if (_servers[i].IsRunning && (await AskAsync(_clientPorts[i], cancellationToken).ConfigureAwait(false)).Contains("Mode: leader", StringComparison.Ordinal)) return i;
            }

            throw new PeerException("there is no leader");
        },
        "ZooKeeper has no leader", cancellationToken);

    /// <summary>The four-letter command srvr.</summary>
    private static async Task<string> AskAsync(int port, CancellationToken cancellationToken)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port, cancellationToken).ConfigureAwait(false);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes("srvr"), cancellationToken).ConfigureAwait(false);
        using var reader = new StreamReader(socket.GetStream());
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>As the package's own start script sees it.</summary>
    private static async Task<string> ClassPathAsync()
    {
        var file = Path.Combine(Configuration, "environment");
        if (!File.Exists(file)) throw new PeerException($"{file} is missing: apt-get install zookeeper");
        return (await PeerProcess.OutputAsync("bash", "-c", $". {file}; printf %s \"$CLASSPATH\"").ConfigureAwait(false)).Trim();
    }
}
