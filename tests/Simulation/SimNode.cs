using Delos.Client.MetaStore;
using Delos.Daemon.LogServers;
using Delos.Daemon.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>One delosd with all roles.</summary>
internal sealed class SimNode : SimProcess
{
    private readonly SortedDictionary<LogletId, SimReplica> _replicas = [];
    private readonly SortedDictionary<LogletId, SimSequencer> _sequencers = [];
    private readonly HashSet<LogletId> _ended = [];
    private readonly HashSet<LogletId> _buried = [];
    private readonly Dictionary<string, int> _journaled = [];
    private AcceptorCore _acceptor = new(new AcceptorLimits());

    public SimNode(ClusterSimulation cluster, int id)
        : base(cluster.World, cluster.Network, id)
    {
        Cluster = cluster;
        Disk = NewDisk();
        Incarnation = cluster.World.NewId();
    }

    public ClusterSimulation Cluster { get; }

    public SimMutant Mutant => Cluster.Mutant;

    public SimDisk Disk { get; private set; }

    public ulong Incarnation { get; private set; }

    public NodeEndpoint Endpoint => new((uint)Id, Disk.DiskId, $"n{Id}", 1);

    public NodeInfo Info => new((uint)Id, Disk.DiskId, $"n{Id}", 1, NodeRoles.LogServer | NodeRoles.Sequencer | (Cluster.Acceptors.Any(a => a.NodeId == Id) ? NodeRoles.MetaStore : NodeRoles.None));

    public void Post(SimConnection connection, object message) => Network.Send(connection, this, new SimMessage(message, null, 0, false));

    public void Crash()
    {
        World.Tell($"node {Id} crashes");
        foreach (var sequencer in _sequencers.Values.ToArray()) sequencer.Drop();
        _sequencers.Clear();
        _replicas.Clear();
        _ended.Clear();
        _buried.Clear();
        _journaled.Clear();
        Die();
        Disk.Crash();
    }

    public void Start()
    {
        if (IsUp) return;
        IsUp = true;
        Incarnation = World.NewId();
        foreach (var log in Disk.Logs.Values)
        {
            if (log.Records.Count == 0) continue;
            foreach (var (id, core) in SimRecovery.Recover(log, Mutant))
            {
                if (Disk.Tombstones.Contains(id)) continue;
                var replica = new SimReplica(this, id, log, core);
                replica.Load();
                _replicas[id] = replica;
                replica.SealAfterDamage();
            }
        }

        _acceptor = new AcceptorCore(new AcceptorLimits());
        foreach (var record in Disk.Journal.Records) _acceptor.Apply(AcceptorRecord.Decode(record, _acceptor.Find)!);
        World.Tell($"node {Id} starts, {_replicas.Count} replicas");
        Begin();
    }

    /// <summary>What a process does of its own accord.</summary>
    public void Begin()
    {
        if (Mutant != SimMutant.NoRefill) new SimRefiller(this, Cluster).Start();
        if (Cluster.HasMonitors && (Info.Roles & NodeRoles.MetaStore) != 0) new SimMonitor(this, Cluster).Start();
    }

    /// <summary>An operator gives the stopped node a new, empty disk: it joins new Loglets only, and is another acceptor.</summary>
    public void Wipe()
    {
        World.Tell($"node {Id}: disk replaced");
        if (Mutant == SimMutant.WipedDisk) Disk.Clear();
        else Disk = NewDisk();
    }

    public void Rot()
    {
        if (Disk.Rot() is not { } record) return;
        World.Tell($"node {Id}: {record.Kind} at {record.First} of {record.Loglet} {(record.IsLost ? "is lost" : "rots")}");
        Find(record.Loglet)?.Rot(record);
    }

    /// <summary>For scripts.</summary>
    public ReplicaCore? Replica(LogletId id) => Find(id)?.Core;

    /// <summary>For scripts: the newest version that the node's acceptor accepted.</summary>
    public ulong Accepted(string log) => _acceptor.Find("log/" + log)?.Instance ?? 0;

    public void Ended(SimSequencer sequencer)
    {
        _sequencers.Remove(sequencer.Config.Id);
        _ended.Add(sequencer.Config.Id);
    }

    protected override void Receive(SimConnection connection, SimMessage message)
    {
        void Reply(object body) => Network.Reply(connection, this, message.Correlation, body);
        switch (message.Body)
        {
            case Append m: OnAppend(connection, m, message.Payload!); break;
            case StoreAck m: Sequencing(m.Loglet, m.Incarnation)?.StoreAck(connection, m); break;
            case ConfirmReply m: Sequencing(m.Loglet, m.Incarnation)?.ConfirmReply(connection, m); break;
            case CheckTail m when Sequencing(m.Loglet, m.Incarnation) is { } sequencer: sequencer.CheckTail(connection, message.Correlation); break;
            case CheckTail m: Reply(new CheckTailReply(Refusal(m.Loglet, m.Incarnation), 0)); break;
            case Fill m when Sequencing(m.Loglet, m.Incarnation) is { } sequencer: sequencer.Fill(connection, message.Correlation, m.UpTo); break;
            case Fill m: Reply(new CheckTailReply(Refusal(m.Loglet, m.Incarnation), 0)); break;
            case OpenLoglet m: OnOpen(connection, m.Config, message.Correlation); break;
            case Store m: OnStore(connection, m, message.Payload!); break;
            case Confirm m:
                Post(connection, Find(m.Loglet) is { } confirmed
                    ? new ConfirmReply(m.Loglet, m.Incarnation, m.Round, confirmed.Core.Confirm(m.Incarnation), confirmed.Core.DurableTail)
                    : new ConfirmReply(m.Loglet, m.Incarnation, m.Round, Absence(m.Loglet), 0));
                break;
            case GlobalTail m: Find(m.Loglet)?.Core.AnnounceGlobalTail(m.Incarnation, m.Tail); break;
            case Status m: Reply(Find(m.Loglet)?.Status() ?? new StatusReply(Absence(m.Loglet), 0, false, 0, 0, 0, false)); break;
            case Seal m:
                if (!IsMine(m.Config)) Reply(new SealReply(StatusCode.NotServed, 0, 0));
                else if (Absence(m.Config.Id) == StatusCode.Deleted) Reply(new SealReply(StatusCode.Deleted, 0, 0));
                else GetOrCreate(m.Config).Seal(m.Config, Reply);
                break;
            case Repair m:
                if (!IsMine(m.Config) || Find(m.Config.Id) is not { } repaired) Reply(new RepairReply(IsMine(m.Config) ? Absence(m.Config.Id) : StatusCode.NotServed, 0));
                else repaired.Repair(m, message.Payload!, Reply);
                break;
            case Trim m:
                if (Find(m.Loglet) is { } trimmed) trimmed.Trim(m, Reply);
                else Reply(new TrimReply(Absence(m.Loglet), 0));
                break;
            case Read m:
                var (read, bytes) = Find(m.Loglet)?.Read(m) ?? (new ReadReply(Absence(m.Loglet), m.Min, 0, 0, 0), []);
                Network.Reply(connection, this, message.Correlation, read, bytes);
                break;
            case SimFollow m:
                var (follow, pushed) = Find(m.Loglet)?.Follow(m) ?? (new SimFollowReply(Absence(m.Loglet), 0), []);
                Network.Reply(connection, this, message.Correlation, follow, pushed);
                break;
            case DeleteLoglet m:
                _buried.Add(m.Loglet);
                Find(m.Loglet)?.Delete();
                Disk.Bury(m.Loglet, () => WhenRunning(Life, () =>
                {
                    _replicas.Remove(m.Loglet);
                    Reply(new DeleteLogletReply(StatusCode.Ok));
                }));
                break;
            case MetaRead m:
                var seen = _acceptor.Read(m);
                WhenJournaled(m.Register, () => Reply(seen));
                break;
            case MetaPrepare m:
                var promise = _acceptor.Prepare(m, out var promised);
                Persist(promised);
                WhenJournaled(m.Register, () => Reply(promise));
                break;
            case MetaAccept m:
                var acceptance = _acceptor.Accept(m, out var accepted);
                if (acceptance.Status == StatusCode.Malformed) World.Violate($"one ballot carried two values of {m.Register}");
                Persist(accepted);
                WhenJournaled(m.Register, () => Reply(acceptance));
                break;
            case SimProbe: Reply(new SimProbeReply(Info, Incarnation)); break;
        }
    }

    protected override void Closed(SimConnection connection)
    {
        foreach (var replica in _replicas.Values) replica.Forget(connection);
        foreach (var sequencer in _sequencers.Values.ToArray()) sequencer.Lost(connection);
    }

    public IEnumerable<(LogletId Id, SimReplica Replica)> Replicas => _replicas.Select(r => (r.Key, r.Value));

    public bool IsDeleted(LogletId id) => Absence(id) == StatusCode.Deleted;

    public SimReplica? Find(LogletId id) => _replicas.GetValueOrDefault(id);

    public ReplicaSnapshot? Snapshot(LogletId id) => Find(id)?.Core is { } core
        ? new ReplicaSnapshot(id, core.Config, core.Seal == SealState.Sealed, core.IsDeleted, core.DurableTail, core.GlobalTail, core.TrimPoint, [.. core.Unknown.Ranges], core.HasHiddenTail)
        : null;

    /// <summary>As the Seal message.</summary>
    public async Task<StatusCode> SealHereAsync(LogletConfig config)
    {
        if (!IsMine(config)) return StatusCode.NotServed;
        if (Absence(config.Id) == StatusCode.Deleted) return StatusCode.Deleted;
        var done = new TaskCompletionSource<object>();
        GetOrCreate(config).Seal(config, done.SetResult);
        return ((SealReply)await done.Task).Status;
    }

    private StatusCode Absence(LogletId id) => _buried.Contains(id) || Disk.Tombstones.Contains(id) ? StatusCode.Deleted : StatusCode.NotFound;

    private bool IsMine(LogletConfig config) => config.HasReplica((uint)Id, Disk.DiskId);

    private SimReplica GetOrCreate(LogletConfig config)
    {
        if (Find(config.Id) is { } known) return known;
        if (!Disk.Logs.TryGetValue(config.StorageGroup, out var log)) Disk.Logs[config.StorageGroup] = log = new SimLog(config.StorageGroup);
        log.Members.Add(config.Id);
        return _replicas[config.Id] = new SimReplica(this, config.Id, log, ReplicaCore.New(config));
    }

    private void OnSynced(SimLog log)
    {
        if (!IsUp) return;
        WhenRunning(Life, () =>
        {
            foreach (var member in log.Members.ToArray()) Find(member)?.OnDurable();
        });
    }

    private void OnStore(SimConnection connection, in Store message, byte[] payload)
    {
        void Refuse(StatusCode status, in Store m) => Post(connection, new StoreAck(m.Loglet, m.Incarnation, status, 0, 0));
        if (Find(message.Loglet) is { } replica) replica.Store(connection, message, payload);
        else if (Absence(message.Loglet) == StatusCode.Deleted) Refuse(StatusCode.Deleted, message);
        else if (message.Config is null) Refuse(StatusCode.NeedConfig, message);
        else if (!IsMine(message.Config)) Refuse(StatusCode.NotServed, message);
        else GetOrCreate(message.Config).Store(connection, message, payload);
    }

    private SimSequencer? Sequencing(LogletId id, ulong incarnation) => incarnation == Incarnation || Mutant == SimMutant.RestartedSequencer ? _sequencers.GetValueOrDefault(id) : null;

    private StatusCode Refusal(LogletId id, ulong incarnation) =>
        incarnation != Incarnation && Mutant != SimMutant.RestartedSequencer ? StatusCode.WrongIncarnation : _ended.Contains(id) ? StatusCode.Sealed : StatusCode.NotFound;

    private void OnAppend(SimConnection connection, in Append message, byte[] payload)
    {
        if (Sequencing(message.Loglet, message.Incarnation) is { } sequencer)
        {
            sequencer.Append(connection, message, payload);
            return;
        }

        foreach (var id in SimEntries.Ids(payload)) Post(connection, new AppendReply(message.Loglet, message.ClientId, Refusal(message.Loglet, message.Incarnation), id.Sequence, 1, -1, 0));
    }

    private void OnOpen(SimConnection connection, LogletConfig config, ulong correlation)
    {
        if (config.SequencerNode != Id || (config.Incarnation != Incarnation && Mutant != SimMutant.RestartedSequencer)) Network.Reply(connection, this, correlation, new OpenLogletReply(StatusCode.WrongIncarnation));
        else if (_ended.Contains(config.Id)) Network.Reply(connection, this, correlation, new OpenLogletReply(StatusCode.Sealed));
        else
        {
            if (!_sequencers.TryGetValue(config.Id, out var sequencer)) _sequencers[config.Id] = sequencer = new SimSequencer(this, config);
            sequencer.Open(connection, correlation);
        }
    }

    private void Persist(AcceptorRegister? next)
    {
        if (next is null) return;
        _journaled[next.Name] = Disk.Journal.Append(AcceptorRecord.Encode(_acceptor.Find(next.Name), next));
        _acceptor.Apply(next);
    }

    /// <summary>No answer shows a state of the register that is not durable.</summary>
    private void WhenJournaled(string register, Action answer)
    {
        var life = Life;
        if (Mutant == SimMutant.UnsyncedPromise) answer();
        else Disk.Journal.WhenDurable(_journaled.GetValueOrDefault(register), () => WhenRunning(life, answer));
    }

    private SimDisk NewDisk() => new(World, Mutant) { Synced = OnSynced, Failed = OnFailed };

    /// <summary>A daemon that meets an error on its disk ends, and is started again.</summary>
    private void OnFailed()
    {
        World.Tell($"node {Id}: the disk fails");
        World.Count("sync failed");
        Crash();
        World.At(20_000 + World.Random.Next(100_000), Start);
    }
}

internal sealed record SimProbe;

internal sealed record SimProbeReply(NodeInfo Node, ulong Incarnation);
