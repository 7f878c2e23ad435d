using Delos.Client;
using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>
/// One replica of a state machine: the shell around the runtime's pure classes, as client/Runtime/ReplicaLoop.cs, ReplicaApplier.cs, ReplicaUpkeep.cs and DelosRuntime.cs are. Its process dies and starts again, its disk forgets what was not
/// made durable, or all.
/// </summary>
internal sealed class SimRuntime
{
    private readonly ClusterSimulation _cluster;
    private readonly SimClient _client;
    private readonly SimTables _tables;
    private readonly SimRuntimeLog _log;
    private RuntimeCore _core;
    private SimProposals _proposals;
    private OwnEntries _own = new();
    private int _life;
    private long _first;

    public SimRuntime(ClusterSimulation cluster, SimTables tables, SimClient client)
    {
        _cluster = cluster;
        _tables = tables;
        _client = client;
        Id = (ulong)client.Id;
        Store = new SimStore(cluster.World, cluster.Mutant);
        Machine = NewMachine();
        _core = NewCore();
        _log = new SimRuntimeLog(client, cluster);
        _proposals = new SimProposals(this, _log, World.NewId());
        Upkeep = new SimRuntimeUpkeep(this, _log, cluster, tables);
    }

    public ulong Id { get; }

    public SimWorld World => _cluster.World;

    public SimStore Store { get; }

    public SimTableMachine Machine { get; private set; }

    /// <summary>Commands at which this replica's program fails.</summary>
    public List<byte[]> Hated { get; } = [];

    public SimRuntimeUpkeep Upkeep { get; }

    public RuntimeState State { get; private set; } = RuntimeState.Closed;

    /// <summary>In front of which entry it stands; -1: none.</summary>
    public long PoisonedAt { get; private set; } = -1;

    /// <summary>Of this life.</summary>
    public RuntimeCore Core => _core;

    /// <summary>First position not applied.</summary>
    public long Cursor => _core.Next;

    /// <summary>Of the state: another one whenever the state does not follow from the one before. What was read from a state that turns out to be wrong is no evidence.</summary>
    public SimLineage Lineage { get; private set; } = new();

    public DateTimeOffset Time => DateTimeOffset.UnixEpoch.AddDays(20_000) + _client.Clock;

    public string Condition => $"replica {Id}: {State}, cursor {Cursor}{(PoisonedAt >= 0 ? $", in front of {PoisonedAt}" : "")}, log known to begin at {_first}";

    public bool IsAlive(int life) => life == _life;

    public void Start()
    {
        if (State != RuntimeState.Closed) return;
        var life = ++_life;
        _proposals = new SimProposals(this, _log, World.NewId());
        _own = new OwnEntries();
        Machine = NewMachine();
        _core = NewCore();
        State = RuntimeState.Starting;
        World.Spawn(() => RunAsync(life));
        World.Spawn(() => Upkeep.RunAsync(life));
    }

    /// <summary>What was not durable is gone.</summary>
    public void Crash(bool wipe)
    {
        if (State == RuntimeState.Closed && !wipe) return;
        World.Tell($"replica {Id} {(wipe ? "is wiped" : "crashes")}");
        _life++;
        State = RuntimeState.Closed;
        PoisonedAt = -1;
        if (wipe) Store.Wipe();
        else Store.Crash();
        if (wipe) Lineage = new SimLineage();
        _proposals.Stop();
    }

    public Task Delay(long microseconds) => World.Delay(microseconds);

    /// <summary>Null: it may be applied, or not.</summary>
    public Task<ProposalResult?> ProposeAsync(Proposal proposal) => State == RuntimeState.Applying ? _proposals.ProposeAsync(proposal) : Task.FromResult<ProposalResult?>(null);

    /// <summary>A view for a linearizable read, or one of whatever it has; null: not now.</summary>
    public async Task<IStoreSnapshot?> ReadAsync(bool isLinearizable)
    {
        var (life, generation) = (_life, Store.Generation);
        if (State != RuntimeState.Applying) return null;
        if (isLinearizable && _cluster.Mutant != SimMutant.ReadWithoutTail)
        {
            var tail = await _log.CheckTailAsync();
            for (var patience = World.Now + SimTimes.ReadTimeout; IsAlive(life) && Cursor < tail && World.Now < patience;) await Delay(1_000);
            if (Cursor < tail) return null;
        }

        return IsAlive(life) && State == RuntimeState.Applying && Store.Generation == generation ? Store.Opened.Snapshot() : null;
    }

    private SimTableMachine NewMachine() => new() { Hated = Hated };

    private RuntimeCore NewCore() => new(Machine, Id, new Dictionary<string, int>());

    private async Task RunAsync(int life)
    {
        while (IsAlive(life))
        {
            State = RuntimeState.Starting;
            if (!TryOpen() && !await TryRestoreAsync(life))
            {
                await Delay(20_000);
                continue;
            }

            if (!IsAlive(life)) return;
            await FollowAsync(life);
            if (!IsAlive(life) || State == RuntimeState.Diverged) return;
            Store.Close();
            await Delay(2_000);
        }
    }

    /// <summary>False: the store lacks what the log no longer has.</summary>
    private bool TryOpen()
    {
        if (Store.Open is null) Store.OpenAgain();
        using (var snapshot = Store.Opened.Snapshot()) _core.Load(snapshot);
        if (_core.Next < _first)
        {
            Store.Close();
            return false;
        }

        _proposals.OnCursor(_core.Next);
        return true;
    }

    private async Task<bool> TryRestoreAsync(int life)
    {
        foreach (var info in SnapshotRules.Usable(_tables.Snapshots.List(), _first))
        {
            await Delay(World.Random.Next(10_000));
            if (!IsAlive(life)) return false;
            if (_tables.Snapshots.Fetch(info) is not { } content) continue;
            World.Tell($"replica {Id} restores the snapshot at {info.Cursor} of replica {info.Replica}");
            World.Count("snapshot restored");
            Store.Restore(content);
            Lineage = new SimLineage();
            return TryOpen();
        }

        return false;
    }

    /// <summary>Until it diverges, or what it would apply next is trimmed.</summary>
    private async Task FollowAsync(int life)
    {
        Enter(_core.Cursor.Diverged ? RuntimeState.Diverged : RuntimeState.Applying);
        while (State != RuntimeState.Diverged)
        {
            var (batch, first) = await _log.NextAsync(_core.Next);
            if (!IsAlive(life)) return;
            if (batch is null)
            {
                World.Count("replica behind the log's beginning");
                _first = Math.Max(_first, first);
                Enter(RuntimeState.Starting);
                return;
            }

            var before = _core.Next;
            if (Apply(batch) is { } poison)
            {
                if (PoisonedAt != poison.Position) World.Tell($"replica {Id} stands in front of {poison.Position}: {poison.Error.Message}");
                PoisonedAt = poison.Position;
                Enter(RuntimeState.Poisoned);
                await _log.RefreshAsync();
                await Delay(10_000);
            }
            else if (State == RuntimeState.Poisoned && _core.Next > PoisonedAt)
            {
                PoisonedAt = -1;
                Enter(RuntimeState.Applying);
            }

            if (!IsAlive(life)) return;
            await Delay(_core.Next == before ? 2_000 + World.Random.Next(4_000) : World.Random.Next(500));
            if (!IsAlive(life)) return;
        }
    }

    /// <summary>The log has acknowledged an entry of this replica's own: as client/Runtime/ReplicaApplier.cs, it is applied unread if it is next.</summary>
    public void OnAppended(long position, byte[] entry, ulong? version)
    {
        _own.Add(position, entry, version);
        ApplyOwn();
    }

    private void ApplyOwn()
    {
        while (State == RuntimeState.Applying && _own.TakeFrom(_core.Next, _log.KnownVersion) is { } batch && Apply(batch) is null) World.Count("own entries applied unread");
    }

    private PoisonousEntry? Apply(LogBatch batch)
    {
        if (_cluster.Mutant == SimMutant.AppliedOutOfOrder) batch = Disordered(batch);
        var applied = BatchApplier.Apply(_core, Store.ForApplying(), batch);
        if (_core.Cursor.Diverged) Enter(RuntimeState.Diverged);
        foreach (var answer in applied.Answers) _proposals.OnApplied(answer);
        _proposals.OnCursor(_core.Next);
        Store.MaybeFlush();
        return applied.Poison;
    }

    private void Enter(RuntimeState state)
    {
        if (State == state) return;
        if (state == RuntimeState.Diverged)
        {
            World.Tell($"replica {Id} has diverged at {Cursor}");
            World.Count("replica diverged");
            Lineage.IsWrong = true;
            _tables.OnDiverged(this);
        }

        State = state;
        if (state == RuntimeState.Applying) _proposals.GoOn();
        else _proposals.Stop();
    }

    /// <summary>Of two neighbours the second one first.</summary>
    private LogBatch Disordered(LogBatch batch)
    {
        if (batch.Entries.Count < 2 || !World.Chance(20)) return batch;
        LogEntry[] entries = [.. batch.Entries];
        var at = World.Random.Next(entries.Length - 1);
        (entries[at], entries[at + 1]) = (entries[at] with { Payload = entries[at + 1].Payload }, entries[at + 1] with { Payload = entries[at].Payload });
        return batch with { Entries = entries };
    }
}

/// <summary>The life of one replica's state.</summary>
internal sealed class SimLineage
{
    /// <summary>It was found out to differ from the others', and stopped.</summary>
    public bool IsWrong { get; set; }
}
