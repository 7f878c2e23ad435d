namespace Delos.Tests.Simulation;

internal enum SimFaultKind
{
    Crash,
    Pause,
    Isolate,

    /// <summary>No other node is within reach, but the clients are: a sequencer that still looks alive to them.</summary>
    Island,

    OneWay,
    Cut,
    Slow,
    Resets,
    FullDisk,
    SlowDisk,
    Rot,

    /// <summary>A clock jumps, ahead or a little back.</summary>
    Clock,

    Wipe,
    PowerLoss,

    /// <summary>A sync fails.</summary>
    IoError,

    Seal,
    /// <summary>Somebody seals one stripe only, and dies.</summary>
    SealStripe,

    /// <summary>An operator extends the chain, perhaps by another policy.</summary>
    Extend,

    /// <summary>An operator moves a stopped segment to another Loglet.</summary>
    Modify,

    /// <summary>An operator drops the oldest segments.</summary>
    Truncate,

    /// <summary>A replica of the tables dies; what its store had not made durable is gone.</summary>
    ReplicaCrash,

    /// <summary>A replica of the tables loses its store.</summary>
    ReplicaWipe,

    /// <summary>Somebody proposes a command at which every replica fails.</summary>
    Poison,

    /// <summary>The program of one replica fails at a command that all others apply; the operator deletes its entry all the same.</summary>
    BadEdit,
}

/// <summary>One fault, or one operator's deed: data, so that a schedule can be shortened.</summary>
/// <param name="Node">Which; <see cref="Sequencer"/>: whichever sequences the first log, or one of its stripes, when the fault comes.</param>
internal sealed record SimFault(long At, long For, SimFaultKind Kind, int Node, int Other)
{
    public const int Sequencer = 0;

    public override string ToString() => $"{At / 1000} ms: {Kind} node {(Node == Sequencer ? "of the sequencer" : Node)}" + (Kind is SimFaultKind.OneWay or SimFaultKind.Cut or SimFaultKind.Slow ? $" and {Other}" : "") + $" for {For / 1000} ms";

    /// <summary>
    /// Each seed has some kinds of faults only, and a pace of its own: kinds that hinder each other would else never be met alone ("swarm testing", Groce et al. 2012).
    /// </summary>
    public static List<SimFault> Draw(int seed, int nodes, long length)
    {
        var random = new Random(seed ^ 0x5eed);
        SimFaultKind[] kinds = [.. Enum.GetValues<SimFaultKind>().Where(k => k <= SimFaultKind.Truncate)];
        if (random.Next(4) > 0)
        {
            random.Shuffle(kinds);
            kinds = kinds[..(2 + random.Next(8))];
        }

        var pace = 20_000 + random.Next(140_000);
        var damaged = random.Next(nodes) + 1;
        var faults = new List<SimFault>();
        for (var at = (long)random.Next(60_000); at < length; at += 2_000 + random.Next(pace))
        {
            var kind = kinds[random.Next(kinds.Length)];

            // Damage for good stays on one node: with three replicas more would be more than is promised.
            // Every other fault of a node meets the one that sequences.
            var node = kind is SimFaultKind.Rot or SimFaultKind.Wipe ? damaged : random.Next(2) == 0 ? Sequencer : random.Next(nodes) + 1;
            if (kind == SimFaultKind.Wipe && faults.Exists(f => f.Kind == SimFaultKind.Wipe)) continue;
            faults.Add(new SimFault(at, 5_000 + random.Next(random.Next(4) == 0 ? 900_000 : 150_000), kind, node, random.Next(nodes + 4) + 1));
        }

        return faults;
    }

    /// <summary>
    /// Of a cluster that carries replicas. Nobody but they trims the log: what an operator truncates he must know to be needed by none. In one run of four an operator deletes an entry that others have applied, and then no
    /// replica dies meanwhile: what the others answered must stay true, so they have to be the majority.
    /// </summary>
    public static List<SimFault> DrawWithTables(int seed, int nodes, long length)
    {
        var random = new Random(seed ^ 0x7ab1e);
        var faults = Draw(seed, nodes, length).FindAll(f => f.Kind != SimFaultKind.Truncate);
        if (random.Next(4) == 0) return [.. faults, new SimFault(random.NextInt64(length / 2), 0, SimFaultKind.BadEdit, 1 + random.Next(100), 0)];
        var pace = 30_000 + random.Next(200_000);
        for (var at = (long)random.Next(100_000); at < length; at += 5_000 + random.Next(pace))
        {
            var kind = random.Next(10) switch { < 6 => SimFaultKind.ReplicaCrash, < 9 => SimFaultKind.ReplicaWipe, _ => SimFaultKind.Poison };
            faults.Add(new SimFault(at, 5_000 + random.Next(random.Next(3) == 0 ? 600_000 : 50_000), kind, 1 + random.Next(100), 0));
        }

        return faults;
    }

    public void Begin(ClusterSimulation cluster)
    {
        var world = cluster.World;
        if (Kind > SimFaultKind.Truncate)
        {
            world.Tell($"fault {this}");
            world.Count($"fault {Kind}");
            cluster.Tables?.Begin(this);
            return;
        }

        var node = cluster.Node(Node == Sequencer ? cluster.Checks.FindNewest("log0")?.Active.Loglet.SequencerNodes is { } ordering ? ordering[(int)(At % ordering.Count)] : 1 : (uint)Node);
        var id = node.Id;
        var other = Other <= cluster.Nodes.Count ? Other : 100 + Other - cluster.Nodes.Count;
        world.Tell($"fault {this}");
        world.Count($"fault {Kind}");
        switch (Kind)
        {
            case SimFaultKind.Crash:
                Down(node);
                break;
            case SimFaultKind.PowerLoss:
                foreach (var n in cluster.Nodes) Down(n);
                break;
            case SimFaultKind.Wipe:
                if (node.IsUp) node.Crash();
                node.Wipe();
                world.At(For, () =>
                {
                    node.Start();
                    if (cluster.Mutant != SimMutant.WipedDisk) world.Spawn(() => cluster.ReplaceAcceptorAsync(node));
                });
                break;
            case SimFaultKind.Pause:
                node.Pause();
                world.At(For, node.Resume);
                break;
            case SimFaultKind.Isolate:
                foreach (var n in cluster.Processes)
                {
                    if (n.Id != id) Block(n.Id, both: true);
                }

                break;
            case SimFaultKind.Island:
                foreach (var n in cluster.Nodes) Block(n.Id, both: true);
                break;
            case SimFaultKind.OneWay:
                Block(other, both: false);
                break;
            case SimFaultKind.Cut:
                Block(other, both: true);
                break;
            case SimFaultKind.Slow:
                cluster.Network.Slow[(id, other)] = 20_000;
                world.At(For, () => cluster.Network.Slow.Remove((id, other)));
                break;
            case SimFaultKind.Resets:
                for (var i = 0; i < 6; i++) world.At(i * 3_000, cluster.Network.ResetOne);
                break;
            case SimFaultKind.FullDisk:
                node.Disk.IsFull = true;
                world.At(For, () => node.Disk.IsFull = false);
                break;
            case SimFaultKind.IoError:
                node.Disk.FailsNextSync = node.IsUp;
                break;
            case SimFaultKind.SlowDisk:
                node.Disk.SyncMicroseconds = 40_000;
                world.At(For, () => node.Disk.SyncMicroseconds = 300);
                break;
            case SimFaultKind.Clock:
                node.ClockOffset += world.Chance(70) ? world.Random.Next(5_000_000) : -world.Random.Next(100_000);
                break;
            case SimFaultKind.Rot:
                for (var i = 0; i < 3; i++) node.Rot();
                break;
            default:
                world.Spawn(() => cluster.OperateAsync(Kind));
                break;
        }

        void Down(SimNode n)
        {
            if (!n.IsUp) return;
            n.Crash();
            world.At(For, n.Start);
        }

        void Block(int with, bool both)
        {
            if (with == id) return;
            cluster.Network.Cuts.Add((id, with));
            if (both) cluster.Network.Cuts.Add((with, id));
            world.At(For, () =>
            {
                cluster.Network.Cuts.Remove((id, with));
                cluster.Network.Cuts.Remove((with, id));
            });
        }
    }
}
