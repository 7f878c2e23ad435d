using Delos.Client.Loglets;
using Delos.Protocol.Chains;

namespace Delos.Tests.Simulation;

/// <summary>
/// A schedule written by hand, for what chance hardly brings about: three nodes, one log, and clients that do what they are told. Afterwards all is healed and checked as after any run.
/// </summary>
internal sealed class SimScript
{
    private const string Log = "log0";
    private readonly ClusterSimulation _cluster;
    private LogletConfig? _whole;

    private SimScript(SimMutant mutant, int seed, bool hasMonitors, LogPolicy policy) =>
        _cluster = new ClusterSimulation(seed, mutant, new SimPlan { IsScripted = true, HasMonitors = hasMonitors, Logs = 1, ClientsPerLog = 4, Policies = [policy] });

    public ClusterSimulation Cluster => _cluster;

    public SimWorld World => _cluster.World;

    /// <summary>Sequences the first segment, or its first stripe.</summary>
    public SimNode A => _cluster.Node(First.SequencerNode);

    public SimNode B => _cluster.Nodes.First(n => n != A);

    public SimNode C => _cluster.Nodes.Last(n => n != A);

    /// <summary>The first segment's.</summary>
    public LogletConfig Whole => _whole ?? throw new InvalidOperationException("The script has not begun.");

    /// <summary>The same, or its first stripe.</summary>
    public LogletConfig First => Whole.Parts[0];

    public SimClient Client(int number) => _cluster.Clients[number];

    /// <summary>Null: no violation.</summary>
    public static string? Play(SimMutant mutant, Func<SimScript, Task> script, int seed = 1, bool hasMonitors = false, LogPolicy? policy = null)
    {
        var play = new SimScript(mutant, seed, hasMonitors, policy ?? LogPolicy.Default);
        return play._cluster.Run(async () =>
        {
            await play.BeginAsync();
            await script(play);
        });
    }

    /// <summary>Neither hears the other; what is on its way waits.</summary>
    public void Cut(SimProcess one, SimProcess other)
    {
        CutWay(one, other);
        CutWay(other, one);
    }

    public void CutWay(SimProcess from, SimProcess to) => _cluster.Network.Cuts.Add((from.Id, to.Id));

    /// <summary>A cut that the two have noticed.</summary>
    public async Task SeparateAsync(SimProcess one, SimProcess other)
    {
        Cut(one, other);
        _cluster.Network.Reset(one, other);
        await World.Delay(50_000);
    }

    public void Mend(SimProcess one, SimProcess other)
    {
        _cluster.Network.Cuts.Remove((one.Id, other.Id));
        _cluster.Network.Cuts.Remove((other.Id, one.Id));
    }

    /// <summary>First position that the node does not durably hold of <see cref="First"/>.</summary>
    public long Tail(SimNode node) => node.Replica(First.Id)?.DurableTail ?? 0;

    public void Append(int client)
    {
        Client(client).Appender.Patience = 60_000_000;
        Client(client).Appender.Quota++;
    }

    public async Task AppendedAsync(int client)
    {
        var before = World.Now;
        Append(client);
        await UntilAsync(() => Client(client).AppendedAt > before, $"an append of client {client}");
    }

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var deadline = World.Now + 5_000_000;
        while (!condition() && World.Now < deadline) await World.Delay(20);
        Expect(condition(), what);
    }

    /// <summary>What the script needs to be meaningful, with the mutant or without.</summary>
    public void Expect(bool condition, string what)
    {
        if (!condition) World.Violate($"the script did not bring about: {what}");
    }

    /// <summary>Seals the first Loglet as an observer who installs nothing.</summary>
    public Task<(TailOutcome Outcome, long Tail)> SealAsync(int client) => SimLoglet.Open(Client(client), _cluster, Whole).SealAsync();

    public async Task<Chain> ExtendAsync(int client)
    {
        var chain = await Client(client).Reconfigurer.ExtendAsync(Log, Whole.Id);
        Expect(chain is not null, $"an extension by client {client}");
        return chain!;
    }

    private async Task BeginAsync()
    {
        _whole = (await Client(0).ChainAsync()).Active.Loglet;
        for (var i = 0; i < 4; i++) await Client(i).ChainAsync();
        await AppendedAsync(0);
        await UntilAsync(() => _cluster.Nodes.TrueForAll(n => n.Replica(First.Id)?.GlobalTail == 1), "a first entry on every node");
    }
}
