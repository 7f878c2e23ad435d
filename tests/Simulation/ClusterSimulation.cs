using Delos.Client.MetaStore;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Tests.Simulation;

/// <summary>
/// A whole cluster from one seed in one thread: the daemon's and the client's pure cores, with simulated shells, network, disks, faults, operators and applications. After the faults all is
/// healed; then every client must succeed again, everything is answered, and the logs are read to their ends.
/// </summary>
internal sealed class ClusterSimulation
{
    private const long LivenessBound = 15_000_000;

    /// <summary>Until every client succeeds again after all is healed; a quarter of a second is what it takes at most in thousands of seeds.</summary>
    private const long ReturnBound = 5_000_000;
    private const long Warmup = 300_000;
    private readonly int _seed;
    private readonly SimPlan _plan;
    private readonly SimClient _operator;
    private readonly Random _policies;

    public ClusterSimulation(int seed, SimMutant mutant = SimMutant.None, SimPlan? plan = null)
    {
        _seed = seed;
        _plan = plan ?? new SimPlan();
        Mutant = mutant;
        World = new SimWorld(seed) { IsDetailed = _plan.IsDetailed };
        Network = new SimNetwork(World);
        Checks = new SimChecks(World);
        Registers = new SimRegisters(World);
        var count = _plan.IsScripted ? 3 : 3 + World.Random.Next(3) * (World.Random.Next(2) + 1);
        Replication = count >= 5 && World.Chance(30) ? 5 : 3;
        for (var i = 1; i <= count; i++) Nodes.Add(new SimNode(this, i));
        Acceptors = [.. Nodes.Take(count >= 5 ? 5 : 3).Select(n => n.Endpoint)];
        SequencerOptions = _plan.IsScripted ? SimTimes.PatientSequencer : SimTimes.Draw(World.Random);
        if (!_plan.IsScripted) Network.GiveUp = 60_000 + World.Random.Next(340_000);
        HasMonitors = _plan.HasMonitors ?? (!_plan.IsScripted && World.Chance(60));
        _policies = new Random(seed ^ 0x57217e);
        Policies = _plan.Policies ?? [DrawPolicy(), DrawPolicy()];
        Logs = [.. Enumerable.Range(0, _plan.HasTables ? 1 : Math.Min(_plan.Logs, _plan.IsScripted ? 1 : 1 + World.Random.Next(2))).Select(i => $"log{i}")];
        var clients = _plan.HasTables ? SimTables.Replicas : Math.Min(_plan.ClientsPerLog, _plan.IsScripted ? 4 : 1 + World.Random.Next(3));
        for (var i = 0; i < Logs.Length * clients; i++) Clients.Add(new SimClient(this, 101 + i, Logs[i % Logs.Length]) { IsOfReplica = _plan.HasTables });
        _operator = new SimClient(this, 99, "log0");
        foreach (var process in Processes.Where(_ => World.Chance(20)).ToArray()) process.ClockRate = 0.5 + World.Random.NextDouble();
        var length = _plan.Milliseconds * 1000;
        Faults = _plan.Faults ?? (_plan.IsScripted ? [] : _plan.HasTables ? SimFault.DrawWithTables(seed, count, length) : SimFault.Draw(seed, count, length));
        if (_plan.HasTables) Tables = new SimTables(this, seed);
    }

    public SimWorld World { get; }

    public SimNetwork Network { get; }

    public SimChecks Checks { get; }

    public SimRegisters Registers { get; }

    public SimContents Contents { get; } = new();

    /// <summary>Null: the clients are no replicas.</summary>
    public SimTables? Tables { get; }

    public SimMutant Mutant { get; }

    public int Replication { get; }

    public IReadOnlyList<LogPolicy> Policies { get; }

    public SequencerOptions SequencerOptions { get; }

    public List<SimNode> Nodes { get; } = [];

    public List<SimClient> Clients { get; } = [];

    public NodeEndpoint[] Acceptors { get; }

    public string[] Logs { get; }

    /// <summary>How long it took until every client had appended and got a tail again after all was healed; microseconds.</summary>
    public long ReturnedAfter { get; private set; }

    /// <summary>Else the clients alone extend the chains.</summary>
    public bool HasMonitors { get; }

    public NodeList NodeList => new(1, [.. Nodes.Select(n => n.Info)]);

    public IReadOnlyList<SimFault> Faults { get; }

    public IEnumerable<SimProcess> Processes => [.. Nodes, .. Clients, _operator];

    public SimNode Node(uint id) => Nodes[(int)id - 1];

    /// <summary>Null: no violation.</summary>
    /// <param name="script">Of a scripted plan: runs instead of the random faults.</param>
    public string? Run(Func<Task>? script = null)
    {
        foreach (var node in Nodes) node.Begin();
        foreach (var (client, index) in Clients.Select((c, i) => (c, i))) client.Begin(index < Logs.Length ? Policies[index % Policies.Count] : null, _plan.IsScripted);
        Tables?.Begin();
        if (script is null) RunFaults();
        else RunScript(script);
        if (World.Violation is not null) return End();

        Heal();
        var healed = World.Now;
        foreach (var client in Clients.Where(_ => _plan.IsScripted)) client.GoOn();
        foreach (var client in Clients.Where(c => !c.IsOfReplica)) client.Appender.Quota = long.MaxValue;
        Until(() => Clients.TrueForAll(c => c.AppendedAt > healed && c.TailAt > healed), c => c.AppendedAt > healed && c.TailAt > healed, "no liveness", ReturnBound);
        ReturnedAfter = World.Now - healed;
        if (World.Violation is null && Tables is { } tables) Finish(tables);
        foreach (var client in Clients) client.IsStopping = true;
        Until(() => Clients.TrueForAll(c => c.Unresolved == 0 && c.HasStopped), c => c.Unresolved == 0 && c.HasStopped, "not answered");
        if (World.Violation is not null) return End();

        var audits = 0;
        foreach (var client in Clients.DistinctBy(c => c.Log)) World.Spawn(() => AuditAsync(client, () => audits++));
        World.RunUntil(World.Now + LivenessBound, () => audits == Logs.Length);
        if (audits < Logs.Length) World.Violate("the logs could not be read to their ends");
        Until(() => Clients.TrueForAll(HasFollowed), HasFollowed, "followers are not told of the last commits");
        if (World.Violation is null) World.RunUntil(World.Now + LivenessBound, () => Logs.All(l => NotFull(l) is null));
        foreach (var log in Logs)
        {
            if (NotFull(log) is { } lacking) World.Violate(lacking);
        }

        foreach (var log in Logs) CheckNotDeleted(log);
        CheckSameEntries();
        Registers.Check();
        return End();
    }

    /// <summary>An operator who seals and leaves it so, extends a healthy chain, moves or drops old segments.</summary>
    public async Task OperateAsync(SimFaultKind deed)
    {
        var client = _operator;
        var log = Logs[World.Random.Next(Logs.Length)];
        var meta = new SimMetaClient(client, this);
        var reconfigurer = new SimReconfigurer(client, this, meta);
        if (await meta.ReadAsync(log) is not { } chain) return;
        switch (deed)
        {
            case SimFaultKind.Extend: await reconfigurer.ExtendAsync(log, chain.Active.Loglet.Id, policy: _plan.IsScripted ? null : DrawPolicy()); break;
            case SimFaultKind.Modify: await new SimOperator(client, this, meta, reconfigurer).ModifyAsync(log); break;
            case SimFaultKind.Truncate: await new SimOperator(client, this, meta, reconfigurer).TruncateAsync(log); break;
            case SimFaultKind.SealStripe: await new SimLoglet(client, this, chain.Active.Loglet.Parts[World.Random.Next(chain.Active.Loglet.Parts.Count)]).SealAsync(); break;
            default: await SimLoglet.Open(client, this, chain.Active.Loglet).SealAsync(); break;
        }
    }

    /// <summary>Gives the MetaStore's registers the node's new disk as acceptor, however long it takes.</summary>
    public async Task ReplaceAcceptorAsync(SimNode node)
    {
        if (Acceptors.All(a => a.NodeId != node.Id)) return;
        var meta = new SimMetaClient(_operator, this);
        foreach (var log in Logs)
        {
            while (!await meta.ReplaceAcceptorAsync(log, node.Endpoint)) await _operator.Delay(20_000);
        }

        World.Tell($"node {node.Id} is an acceptor again");
        World.Count("acceptor replaced");
    }

    private LogPolicy DrawPolicy() => SimPolicies.Draw(_policies, Nodes.Count, Replication);

    /// <summary>An operator deletes or patches an entry of the replicas' log.</summary>
    public Task EditAsync(string log, long position, byte[]? content)
    {
        var meta = new SimMetaClient(_operator, this);
        return new SimOperator(_operator, this, meta, new SimReconfigurer(_operator, this, meta)).EditAsync(log, position, content);
    }

    private void RunFaults()
    {
        foreach (var client in Clients.Where(c => !c.IsOfReplica)) client.Appender.Quota = _plan.Appends;
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

    private void Finish(SimTables tables)
    {
        var isOver = false;
        World.Spawn(async () =>
        {
            await tables.FinishAsync();
            isOver = true;
        });
        World.RunUntil(World.Now + LivenessBound, () => isOver);
        if (!isOver) World.Violate($"the tables do not come to an end: {tables.State}");
    }

    private void Heal()
    {
        World.Tell("all is healed");
        Network.Heal();
        foreach (var node in Nodes)
        {
            node.Disk.IsFull = node.Disk.FailsNextSync = false;
            node.Disk.SyncMicroseconds = 300;
            node.Resume();
            node.Start();
        }
    }

    private void Until(Func<bool> done, Func<SimClient, bool> isFine, string otherwise, long within = LivenessBound)
    {
        if (World.Violation is not null) return;
        World.RunUntil(World.Now + within, done);
        foreach (var client in Clients.Where(c => !isFine(c))) World.Violate($"{otherwise}: {client.State}");
    }

    private bool HasFollowed(SimClient client) => client.IsOfReplica || client.Follower.Position >= Checks.Promised(client.Log);

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

    /// <summary>A replica of a stopped segment that is not sealed or does not hold all of it, though its disk is there; null: none.</summary>
    private string? NotFull(string log)
    {
        foreach (var (loglet, end) in Checks.Newest(log).Segments.SelectMany(s => s.Parts))
        {
            if (end is not { } stop) continue;
            foreach (var replica in loglet.Replicas)
            {
                var node = Node(replica.NodeId);
                if (node.Disk.DiskId != replica.DiskId) continue;
                var held = node.Snapshot(loglet.Id);
                if (held?.DurableTail > stop && Checks.IsModified(loglet.Id)) World.Violate($"{log}: node {node.Id} holds the copy {loglet.Id} up to {held.DurableTail}, beyond its stop {stop}");
                if (held is not { IsSealed: true, HasHiddenTail: false } || held.DurableTail < stop || held.Unknown.Any(r => r.First < stop))
                    return $"{log}: node {node.Id} was not refilled with Loglet {loglet.Id} up to {stop}: {held}";
            }
        }

        return null;
    }

    /// <summary>A Loglet is deleted only once it is in no chain, and never will be.</summary>
    private void CheckNotDeleted(string log)
    {
        foreach (var loglet in Checks.Newest(log).Segments.SelectMany(s => s.Loglet.Parts))
        {
            foreach (var replica in loglet.Replicas.Where(r => Node(r.NodeId).IsDeleted(loglet.Id))) World.Violate($"{log}: Loglet {loglet.Id} is deleted on node {replica.NodeId}, and the chain names it");
        }
    }

    /// <summary>One sequencer gives each position once, committed or not: no two replicas of a Loglet hold different entries.</summary>
    private void CheckSameEntries()
    {
        var known = new Dictionary<(LogletId, long), byte[]>();
        foreach (var (id, replica) in Nodes.SelectMany(n => n.Replicas))
        {
            foreach (var (position, entry) in replica.Data)
            {
                if (!known.TryAdd((id, position), entry) && !known[(id, position)].AsSpan().SequenceEqual(entry)) World.Violate($"Loglet {id} holds two entries at {position}");
            }
        }
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
