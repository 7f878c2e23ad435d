using Delos.Client;
using Delos.Daemon.Dev;

namespace Delos.Tests.Nemesis;

/// <summary>Draws faults of real processes and their network, one at a time, and undoes each.</summary>
/// <param name="cluster">Its nodes are the hosts of the network, by number.</param>
/// <param name="network">Theirs.</param>
/// <param name="random">Decides what happens, to whom, and for how long.</param>
internal sealed class RandomFaults(DevCluster cluster, NetworkNamespaces network, Random random)
{
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    public string Summary => "faults: " + string.Join(", ", _counts.Select(c => $"{c.Key} {c.Value}"));

    public void Count(string fault) => _counts[fault] = _counts.GetValueOrDefault(fault) + 1;

    /// <summary>One fault, from its beginning to its end.</summary>
    /// <param name="seal">Seals the log.</param>
    /// <param name="reconfigure">Reconfigures it.</param>
    /// <param name="advance">While a fault lasts: waits until so much was done in spite of it, of 2,000 at most.</param>
    public async Task InjectAsync(Func<Task> seal, Func<Task> reconfigure, Func<int, Task> advance)
    {
        var victim = cluster.Nodes[random.Next(cluster.Nodes.Count)];
        var other = (victim.NodeId % (uint)cluster.Nodes.Count) + 1;
        switch (random.Next(9))
        {
            case 0:
                Count("kill");
                await victim.KillAsync();
                if (random.Next(2) == 0) await advance(random.Next(1, 1_000));
                await cluster.RestartAsync(victim.NodeId, CancellationToken.None);
                break;
            case 1:
                Count("freeze");
                await Signals.SendAsync("STOP", victim.ProcessId);
                if (random.Next(2) == 0) await advance(random.Next(1, 200));
                await Signals.SendAsync("CONT", victim.ProcessId);
                break;
            case 2:
                Count("kill of all nodes");
                await Task.WhenAll(cluster.Nodes.Select(n => n.KillAsync()));
                await Task.WhenAll(cluster.Nodes.Select(n => cluster.RestartAsync(n.NodeId, CancellationToken.None)));
                break;
            case 3:
                Count("seal");
                await TryAsync(seal);
                break;
            case 4:
                await ForAWhileAsync("isolation", network.IsolateAsync(victim.NodeId), 500, advance);
                break;
            case 5:
                await ForAWhileAsync("cut one way", network.DeafenAsync(victim.NodeId, other), 500, advance);
                break;
            case 6:
                await ForAWhileAsync("lost packets", network.LoseAsync(victim.NodeId, random.Next(1, 20)), 1_000, advance);
                break;
            case 7:
                await ForAWhileAsync("resets", network.ResetAsync(victim.NodeId), 100, advance);
                break;
            default:
                await reconfigure();
                break;
        }
    }

    /// <summary>An operator's command may meet a node that is just starting; the log itself has to hide that, the command need not.</summary>
    public async Task TryAsync(Func<Task> command)
    {
        try
        {
            await command();
        }
        catch (DelosException e) when (e.IsTransient)
        {
            Count("command refused for now");
        }
    }

    private async Task ForAWhileAsync(string fault, Task made, int most, Func<int, Task> advance)
    {
        Count(fault);
        await made;
        await advance(random.Next(1, most));
        await network.HealAsync();
    }
}
