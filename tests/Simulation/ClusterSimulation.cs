using Delos.Client.MetaStore;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Entries;

namespace Delos.Tests.Simulation;

/// <summary>
/// A whole cluster from one seed in one thread: the daemon's and the client's pure cores, with simulated shells, network, disks, faults, operators and applications. After the faults all is
/// healed; then every client must succeed again, everything is answered, and the logs are read to their ends.
/// </summary>
internal sealed class ClusterSimulation
{
    private const long LivenessBound = 15_000_000;
    private const long Warmup = 300_000;
    private readonly int _seed;
    private readonly SimPlan _plan;
    private readonly SimClient _operator;

    public ClusterSimulation(int seed, SimMutant mutant = SimMutant.None, SimPlan? plan = null)
    {
        _seed = seed;
        _plan = plan ?? new SimPlan();
        Mutant = mutant;
        World = new SimWorld(seed);
        Network = new SimNetwork(World);
        Checks = new SimChecks(World);
        Registers = new SimRegisters(World);
        var count = _plan.IsScripted ? 3 : 3 + World.Random.Next(3) * (World.Random.Next(2) + 1);
        Replication = count >= 5 && World.Chance(30) ? 5 : 3;
        for (var i = 1; i <= count; i++) Nodes.Add(new SimNode(this, i));
        Acceptors = [.. Nodes.Take(count >= 5 ? 5 : 3).Select(n => n.Endpoint)];
        var logs = Math.Min(_plan.Logs, _plan.IsScripted ? 1 : 1 + World.Random.Next(2));
        for (var i = 0; i < logs * _plan.ClientsPerLog; i++) Clients.Add(new SimClient(this, 101 + i, $"log{i % logs}"));
        _operator = new SimClient(this, 99, "log0");
        Faults = _plan.Faults ?? (_plan.IsScripted ? [] : SimFault.Draw(seed, count, _plan.Milliseconds * 1000));
    }

    public SimWorld World { get; }

    public SimNetwork Network { get; }

    public SimChecks Checks { get; }

    public SimRegisters Registers { get; }

    public SimMutant Mutant { get; }

    public int Replication { get; }

    public SequencerOptions SequencerOptions => _plan.IsScripted ? SimTimes.PatientSequencer : SimTimes.Sequencer;

    public List<SimNode> Nodes { get; } = [];

    public List<SimClient> Clients { get; } = [];

    public NodeEndpoint[] Acceptors { get; }

    public IReadOnlyList<SimFault> Faults { get; }

    public IEnumerable<SimProcess> Processes => [.. Nodes, .. Clients, _operator];

    public SimNode Node(uint id) => Nodes[(int)id - 1];

    /// <summary>Null: no violation.</summary>
    /// <param name="script">Of a scripted plan: runs instead of the random faults.</param>
    public string? Run(Func<Task>? script = null)
    {
        var logs = Clients.DistinctBy(c => c.Log).Count();
        foreach (var (client, index) in Clients.Select((c, i) => (c, i))) client.Begin(creates: index < logs, _plan.IsScripted);
        if (script is null) RunFaults();
        else RunScript(script);
        if (World.Violation is not null) return End();

        Heal();
        var healed = World.Now;
        foreach (var client in Clients.Where(_ => _plan.IsScripted)) client.GoOn();
        foreach (var client in Clients) client.Appender.Quota = long.MaxValue;
        Until(() => Clients.TrueForAll(c => c.AppendedAt > healed && c.TailAt > healed), c => c.AppendedAt > healed && c.TailAt > healed, "no liveness");
        foreach (var client in Clients) client.IsStopping = true;
        Until(() => Clients.TrueForAll(c => c.Unresolved == 0 && c.HasStopped), c => c.Unresolved == 0 && c.HasStopped, "not answered");
        if (World.Violation is not null) return End();

        var audits = 0;
        foreach (var client in Clients.DistinctBy(c => c.Log)) World.Spawn(() => AuditAsync(client, () => audits++));
        World.RunUntil(World.Now + LivenessBound, () => audits == logs);
        if (audits < logs) World.Violate("the logs could not be read to their ends");
        Until(() => Clients.TrueForAll(HasFollowed), HasFollowed, "followers are not told of the last commits");
        Registers.Check();
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

    private void RunFaults()
    {
        foreach (var client in Clients) client.Appender.Quota = _plan.Appends;
        foreach (var fault in Faults) World.At(Warmup + fault.At, () => fault.Begin(this));
        World.RunUntil(Warmup + _plan.Milliseconds * 1000);
    }

    private void RunScript(Func<Task> script)
    {
        var isOver = false;
        World.Spawn(async () =>
        {
            await script();
            isOver = true;
        });
        World.RunUntil(LivenessBound, () => isOver);
        if (!isOver) World.Violate("the script did not come to its end");
    }

    private void Heal()
    {
        World.Tell("all is healed");
        Network.Heal();
        foreach (var node in Nodes)
        {
            node.Disk.IsFull = false;
            node.Disk.SyncMicroseconds = 300;
            node.Resume();
            node.Start();
        }
    }

    private void Until(Func<bool> done, Func<SimClient, bool> isFine, string otherwise)
    {
        if (World.Violation is not null) return;
        World.RunUntil(World.Now + LivenessBound, done);
        foreach (var client in Clients.Where(c => !isFine(c))) World.Violate($"{otherwise}: {client.State}");
    }

    private bool HasFollowed(SimClient client) => client.Follower.Position >= Checks.Promised(client.Log);

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
