using Delos.Client.MetaStore;
using Delos.Protocol.Entries;

namespace Delos.Tests.Simulation;

/// <summary>
/// A whole cluster from one seed in one thread: the daemon's and the client's pure cores, with simulated shells, network, disks, faults, operators and applications. After the faults all is
/// healed; then every client must succeed again, everything is answered, and the logs are read to their ends.
/// </summary>
internal sealed class ClusterSimulation
{
    private const long LivenessBound = 15_000_000;
    private readonly int _seed;
    private readonly long _length;
    private readonly List<SimClient> _clients = [];
    private readonly SimClient _operator;

    public ClusterSimulation(int seed, SimMutant mutant = SimMutant.None, long milliseconds = 1_500, IReadOnlyList<SimFault>? faults = null)
    {
        _seed = seed;
        _length = milliseconds * 1000;
        Mutant = mutant;
        World = new SimWorld(seed);
        Network = new SimNetwork(World);
        Checks = new SimChecks(World);
        var count = 3 + World.Random.Next(3) * (World.Random.Next(2) + 1);
        Replication = count >= 5 && World.Chance(30) ? 5 : 3;
        for (var i = 1; i <= count; i++) Nodes.Add(new SimNode(this, i));
        Acceptors = [.. Nodes.Take(count >= 5 ? 5 : 3).Select(n => n.Endpoint)];
        var logs = 1 + World.Random.Next(2);
        for (var i = 0; i < logs * 2; i++) _clients.Add(new SimClient(this, 101 + i, $"log{i % logs}"));
        _operator = new SimClient(this, 99, "log0");
        Faults = faults ?? SimFault.Draw(seed, count, _length);
    }

    public SimWorld World { get; }

    public SimNetwork Network { get; }

    public SimChecks Checks { get; }

    public SimMutant Mutant { get; }

    public int Replication { get; }

    public List<SimNode> Nodes { get; } = [];

    public NodeEndpoint[] Acceptors { get; }

    public IReadOnlyList<SimFault> Faults { get; }

    public IEnumerable<SimProcess> Processes => [.. Nodes, .. _clients, _operator];

    public SimNode Node(uint id) => Nodes[(int)id - 1];

    /// <summary>Null: no violation.</summary>
    public string? Run()
    {
        foreach (var (client, index) in _clients.Select((c, i) => (c, i))) client.Begin(creates: index < _clients.Count / 2);
        foreach (var fault in Faults) World.At(300_000 + fault.At, () => fault.Begin(this));
        World.RunUntil(300_000 + _length);
        if (World.Violation is not null) return End();

        World.Tell("all is healed");
        Network.Heal();
        foreach (var node in Nodes)
        {
            node.Disk.IsFull = false;
            node.Disk.SyncMicroseconds = 300;
            node.Resume();
            node.Start();
        }

        var healed = World.Now;
        World.RunUntil(healed + LivenessBound, () => _clients.TrueForAll(c => c.AppendedAt > healed && c.TailAt > healed));
        foreach (var client in _clients.Where(c => c.AppendedAt <= healed || c.TailAt <= healed)) World.Violate($"no liveness: {client.State}");
        foreach (var client in _clients) client.IsStopping = true;
        World.RunUntil(World.Now + LivenessBound, () => _clients.TrueForAll(c => c.Unresolved == 0 && c.HasStopped));
        foreach (var client in _clients.Where(c => c.Unresolved > 0 || !c.HasStopped)) World.Violate($"not answered: {client.State}");
        if (World.Violation is not null) return End();

        var audits = 0;
        foreach (var client in _clients.DistinctBy(c => c.Log)) World.Spawn(() => AuditAsync(client, () => audits++));
        var logs = _clients.DistinctBy(c => c.Log).Count();
        World.RunUntil(World.Now + LivenessBound, () => audits == logs);
        if (audits < logs) World.Violate("the logs could not be read to their ends");
        return End();
    }

    /// <summary>An operator who seals and leaves it so, or extends a healthy chain.</summary>
    public async Task OperateAsync(bool extend)
    {
        var client = _operator;
        var chain = await client.ChainAsync();
        if (extend) await client.Reconfigurer.ExtendAsync(client.Log, chain.Active.Loglet.Id);
        else await new SimLoglet(client, this, chain.Active.Loglet).TailAsync(seal: true);
    }

    private async Task AuditAsync(SimClient client, Action done)
    {
        var promised = Checks.Promised(client.Log);
        var tail = await client.CheckTailAsync();
        Checks.OnTail(client.Log, tail, promised);
        var from = Math.Min(Checks.Trimmed(client.Log), tail);
        AppendId[] entries = await client.ReadAsync(from, tail);
        Checks.OnWhole(client.Log, from, entries);
        done();
    }

    private string? End()
    {
        foreach (var node in Nodes)
        {
            if (node.IsUp) node.Crash();
        }

        return World.Violation is { } violation ? $"seed {_seed}: {violation}" : null;
    }
}
