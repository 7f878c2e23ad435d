using System.Globalization;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Hosts 1..n, each a network namespace, on one bridge; this process is a host beside them. Links can be taken down, and packets dropped one way, lost at random, or answered by resets. Root only. Names carry this process's
/// id: what a killed run left behind is taken away by the next one.
/// </summary>
internal sealed class NetworkNamespaces : IAsyncDisposable
{
    private const string Prefix = "delos-";
    private readonly int _hosts;
    private readonly int _subnet;

    private NetworkNamespaces(int hosts, int subnet)
    {
        _hosts = hosts;
        _subnet = subnet;
    }

    private static string Switch => $"{Prefix}{Environment.ProcessId}-0";

    private static string OwnLink => $"dl{Environment.ProcessId}";

    public static async Task<NetworkNamespaces> StartAsync(int hosts)
    {
        await RemoveLeftoversAsync();
        var network = new NetworkNamespaces(hosts, await FreeSubnetAsync());
        try
        {
            await Shell.RunAsync("ip", "netns", "add", Switch);
            await Shell.RunAsync("ip", "-n", Switch, "link", "add", "br0", "type", "bridge");
            await Shell.RunAsync("ip", "-n", Switch, "link", "set", "br0", "up");
            for (var host = 1; host <= hosts; host++)
            {
                var name = Name(host);
                await Shell.RunAsync("ip", "netns", "add", name);
                await Shell.RunAsync("ip", "link", "add", Link(host), "netns", Switch, "type", "veth", "peer", "name", "eth0", "netns", name);
                await Shell.RunAsync("ip", "-n", Switch, "link", "set", Link(host), "master", "br0", "up");
                await Shell.RunAsync("ip", "-n", name, "addr", "add", network.Address((uint)host) + "/24", "dev", "eth0");
                await Shell.RunAsync("ip", "-n", name, "link", "set", "eth0", "up");
                await Shell.RunAsync("ip", "-n", name, "link", "set", "lo", "up");
            }

            await Shell.RunAsync("ip", "link", "add", OwnLink, "type", "veth", "peer", "name", "own", "netns", Switch);
            await Shell.RunAsync("ip", "-n", Switch, "link", "set", "own", "master", "br0", "up");
            await Shell.RunAsync("ip", "addr", "add", $"10.77.{network._subnet}.254/24", "dev", OwnLink);
            await Shell.RunAsync("ip", "link", "set", OwnLink, "up");
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public string Address(uint host) => $"10.77.{_subnet}.{host}";

    /// <summary>Words that run a program on a host, in place of themselves.</summary>
    public static IReadOnlyList<string> Launcher(uint host) => ["ip", "netns", "exec", Name((int)host)];

    /// <summary>Nothing reaches the host or comes from it, and nobody is told so.</summary>
    public Task IsolateAsync(uint host) => Shell.RunAsync("ip", "-n", Switch, "link", "set", Link((int)host), "down");

    /// <summary>One way: the host hears no more of the other.</summary>
    public Task DeafenAsync(uint host, uint other) => RuleAsync(host, $"ip saddr {Address(other)} drop");

    /// <summary>The host loses that part of the packets that come in.</summary>
    public Task LoseAsync(uint host, int percent) => RuleAsync(host, $"numgen random mod 100 < {percent} drop");

    /// <summary>Every TCP packet that comes in is answered by a reset.</summary>
    public Task ResetAsync(uint host) => RuleAsync(host, "meta l4proto tcp reject with tcp reset");

    public async Task HealAsync()
    {
        for (var host = 1; host <= _hosts; host++)
        {
            await Shell.TryAsync("ip", "netns", "exec", Name(host), "nft", "delete", "table", "inet", "faults");
            await Shell.RunAsync("ip", "-n", Switch, "link", "set", Link(host), "up");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Shell.TryAsync("ip", "link", "delete", OwnLink);
        for (var host = 0; host <= _hosts; host++) await Shell.TryAsync("ip", "netns", "delete", Name(host));
    }

    private static string Name(int host) => $"{Prefix}{Environment.ProcessId}-{host}";

    private static string Link(int host) => $"host{host}";

    private static Task RuleAsync(uint host, string rule) =>
        Shell.RunAsync("ip", "netns", "exec", Name((int)host), "nft", $"add table inet faults; add chain inet faults input {{ type filter hook input priority 0; }}; add rule inet faults input {rule}");

    private static async Task<int> FreeSubnetAsync()
    {
        var taken = await Shell.RunAsync("ip", "-4", "addr");
        return Enumerable.Range(1, 250).First(s => !taken.Contains($"10.77.{s}.", StringComparison.Ordinal));
    }

    private static async Task RemoveLeftoversAsync()
    {
        var list = await Shell.RunAsync("ip", "netns", "list");
        foreach (var name in list.Split('\n').Select(l => l.Split(' ')[0]).Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            var owner = int.Parse(name.Split('-')[1], CultureInfo.InvariantCulture);
            if (!Directory.Exists($"/proc/{owner}") || owner == Environment.ProcessId) await Shell.RunAsync("ip", "netns", "delete", name);
        }
    }
}
