using System.Collections.Concurrent;
using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Daemon.LogServers;

/// <summary>Which replicas this LogServer has, and which Loglets were deleted for good: their tombstones are kept in the catalog, so that a late store cannot create them anew (rule 2).</summary>
internal sealed class ReplicaTable : IAsyncDisposable
{
    private readonly Lock _createLock = new();
    private readonly ConcurrentDictionary<LogletId, Replica> _replicas = new();
    private readonly ConcurrentDictionary<LogletId, byte> _tombstones = new();
    private readonly ConcurrentDictionary<LogletId, ReplicaGroup> _groups = new();
    private readonly HashSet<SegmentLog> _deleted = [];
    private readonly LogServerShared _shared;
    private readonly LogStore _store;
    private readonly Journal _catalog;

    /// <summary>Recovers what the directory holds. All of it is durable when this returns, so it may be reported (rule 1).</summary>
    public ReplicaTable(string directory, GroupCommit group, LogServerShared shared)
    {
        _shared = shared;
        var recovered = new RecoveredReplicas(shared.Logger);
        _store = LogStore.Open(directory, group, recovered);
        _catalog = _store.OpenCatalog(Replay);
        foreach (var (id, log, core) in recovered.Found)
        {
            if (_tombstones.ContainsKey(id)) _deleted.Add(log);
            else Add(new Replica(id, log, core, shared));
        }
    }

    public IEnumerable<Replica> All => _replicas.Values;

    public int Count => _replicas.Count;

    public LogStore Store => _store;

    public Replica? Find(LogletId id) => _replicas.GetValueOrDefault(id);

    public bool IsDeleted(LogletId id) => _tombstones.ContainsKey(id);

    /// <summary>What to answer about a Loglet that has no replica here.</summary>
    public StatusCode Absence(LogletId id) => IsDeleted(id) ? StatusCode.Deleted : StatusCode.NotFound;

    /// <summary>The replica, made if need be. It exists durably once its first record is.</summary>
    public StatusCode GetOrCreate(LogletConfig config, out Replica? replica)
    {
        if (_replicas.TryGetValue(config.Id, out replica)) return StatusCode.Ok;
        lock (_createLock)
        {
            if (_replicas.TryGetValue(config.Id, out replica)) return StatusCode.Ok;
            if (IsDeleted(config.Id)) return StatusCode.Deleted;
            try
            {
                // A former log of this group is on its way out: later.
                if (_store.TryGetOrCreate(config.StorageGroup) is not { } log) return StatusCode.Unavailable;
                if (config.StorageGroup != config.Id) log.AddMember(config.Id);
                Add(replica = new Replica(config.Id, log, ReplicaCore.New(config), _shared));
            }
            catch (IOException exception) when (IoException.TellsShortage(exception))
            {
                return StatusCode.DiskFull;
            }

            _shared.Logger.ReplicaCreated(config.Id);
            return StatusCode.Ok;
        }
    }

    /// <summary>Ok once the tombstone is durable and the files are on their way out. Idempotent; also for a Loglet that was never here.</summary>
    public async Task<StatusCode> DeleteAsync(LogletId id)
    {
        Replica? replica;
        long end;
        lock (_createLock)
        {
            var payload = new byte[LogletId.Size];
            id.Write(payload);
            var status = _catalog.TryAppend((byte)RecordKind.Tombstone, payload, useReserve: true, out end);
            if (status != AppendStatus.Ok) return status == AppendStatus.NoSpace ? StatusCode.DiskFull : status == AppendStatus.Busy ? StatusCode.Unavailable : StatusCode.IoError;
            _tombstones[id] = 0;
            replica = Find(id);
        }

        replica?.Delete();
        await _catalog.WhenDurable(end).ConfigureAwait(false);
        if (replica is not null) await RemoveAsync(replica).ConfigureAwait(false);
        _shared.Logger.ReplicaDeleted(id);
        return StatusCode.Ok;
    }

    /// <summary>No replica in the same log takes stores.</summary>
    public bool IsGroupSealed(Replica replica) => _groups.TryGetValue(replica.Log.Id, out var group) && group.AreAllSealed;

    /// <summary>What a start has still to do, before the first request: deletions that a crash cut short, seals that damage may have hidden, a catalog that has grown.</summary>
    public async Task FinishRecoveryAsync()
    {
        foreach (var log in _store.Logs)
        {
            if (!_groups.ContainsKey(log.Id) && (_deleted.Contains(log) || IsDeleted(log.Id))) await _store.Delete(log.Id).ConfigureAwait(false);
        }

        foreach (var replica in _replicas.Values)
        {
            if (!replica.Core.MayBeSealed) continue;
            var status = replica.SealAfterDamage();
            _shared.Logger.SealedAfterDamage(replica.Id, status);
            replica.KickIfDirty();
        }

        if (_catalog.WantsRewrite) RewriteCatalog();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas.Values) replica.DropRecent();
        await _catalog.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private void Add(Replica replica)
    {
        _groups.GetOrAdd(replica.Log.Id, static (_, log) => new ReplicaGroup(log), replica.Log).Add(replica);
        _replicas[replica.Id] = replica;
    }

    /// <summary>The log goes with the last of those that are in it.</summary>
    private async Task RemoveAsync(Replica replica)
    {
        Task deletion;
        lock (_createLock)
        {
            if (!_replicas.TryRemove(replica.Id, out _)) return;
            var group = _groups[replica.Log.Id];
            group.Remove(replica);
            if (!group.IsEmpty) return;
            _groups.TryRemove(replica.Log.Id, out _);
            deletion = _store.Delete(replica.Log.Id);
        }

        await deletion.ConfigureAwait(false);
    }

    private void RewriteCatalog()
    {
        try
        {
            _catalog.Rewrite(_tombstones.Keys.Order().Select(Tombstone));
        }
        catch (IoException e) when (e.IsShortage)
        {
            // A full disk is no reason not to start: a later start rewrites it.
            _shared.Logger.CatalogNotRewritten(e);
        }
    }

    private static JournalRecord Tombstone(LogletId id)
    {
        var payload = new byte[LogletId.Size];
        id.Write(payload);
        return new JournalRecord((byte)RecordKind.Tombstone, payload);
    }

    private void Replay(JournalRecord record)
    {
        if (record.Kind == (byte)RecordKind.Tombstone && record.Payload.Length == LogletId.Size) _tombstones[LogletId.Read(record.Payload.Span)] = 0;
    }
}
