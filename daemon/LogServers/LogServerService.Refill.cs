using Delos.LocalStorage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Daemon.LogServers;

/// <summary>What the node itself asks of the role: its status, and the help that a laggard gets from its peers (rules 5 and 6).</summary>
public sealed partial class LogServerService
{
    /// <summary>
    /// A replica lacks entries below the global tail, or holds damaged ones. Raised on any thread, again and again while it lasts (at the tick interval); handlers return at once.
    /// </summary>
    public event Action<LogletId>? LaggardNoticed;

    /// <summary>Why the disk failed; null while it works.</summary>
    public Exception? Failure => _shared.Failure;

    /// <summary>Bytes that the disk has free.</summary>
    public long FreeBytes => _table.Store.FreeBytes;

    /// <summary>Payload bytes accepted and not yet durable.</summary>
    public long InFlightBytes => _shared.BackPressure.InFlightBytes;

    /// <summary>Every replica's state, each observed atomically, sorted by Loglet id.</summary>
    public IReadOnlyList<ReplicaSnapshot> GetReplicas() => [.. _table.All.Select(r => r.Snapshot()).OrderBy(r => r.Id)];

    public ReplicaSnapshot? GetReplica(LogletId loglet) => _table.Find(loglet)?.Snapshot();

    /// <summary>The replicas as the node's status document shows them.</summary>
    public IReadOnlyList<LogletStatusLine> DescribeLoglets() => [.. GetReplicas().Select(r => new LogletStatusLine
    {
        Id = r.Id.ToString(),
        Sealed = r.IsSealed,
        Deleted = r.IsDeleted,
        DurableTail = r.DurableTail,
        GlobalTail = r.GlobalTail,
        TrimPoint = r.TrimPoint,
        HasUnknown = r.Unknown.Count > 0 || r.HasHiddenTail,
    })];

    /// <summary>
    /// Entries from a peer, in order, for a replica that lacks them. An open replica takes committed ones only, below the global tail that it was told, and they count like a store; a sealed one takes
    /// them as a repair (the caller has them from a sealed peer, or from below an installed stop). Ok: durable. OutOfOrder: begin at the replica's tail. The caller keeps its reference of the payload.
    /// </summary>
    public Task<StatusCode> RefillAsync(LogletId loglet, long first, RetainedPayload entries, uint count) =>
        TakeAsync(loglet, entries, count, (replica, task) => replica.Refill(first, count, entries.AsSequence(), task));

    /// <summary>A peer's copy of positions that are damaged here, whatever the seal; committed ones if the replica is open. Ok: durable, and no longer damaged.</summary>
    public Task<StatusCode> PatchAsync(LogletId loglet, long first, RetainedPayload entries, uint count) =>
        TakeAsync(loglet, entries, count, (replica, task) => replica.Patch(first, count, entries.AsSequence(), task));

    /// <summary>As the Seal frame: for a replica that a node lacks altogether, before it is refilled with an installed segment.</summary>
    public Task<StatusCode> SealAsync(LogletConfig config)
    {
        if (Failure is not null) return Task.FromResult(StatusCode.IoError);
        if (!IsMine(config)) return Task.FromResult(StatusCode.NotServed);
        var status = _table.GetOrCreate(config, out var replica);
        if (replica is null) return Task.FromResult(status);
        var done = new TaskCompletionSource<StatusCode>(TaskCreationOptions.RunContinuationsAsynchronously);
        replica.Seal(config, null, 0, done);
        replica.KickIfDirty();
        return done.Task;
    }

    /// <summary>
    /// For a replica with a hidden tail, once it was refilled up to the stop of an installed chain: from now on it may state its tail again. False: it is not there yet.
    /// </summary>
    public bool TailFound(LogletId loglet, long stop) => _table.Find(loglet)?.TailFound(stop) ?? false;

    /// <summary>As the DeleteLoglet frame.</summary>
    public async Task<StatusCode> DeleteAsync(LogletId loglet)
    {
        if (Failure is not null) return StatusCode.IoError;
        var replica = _table.Find(loglet);
        try
        {
            return await _table.DeleteAsync(loglet).ConfigureAwait(false);
        }
        catch (IOException exception) when (IoException.TellsShortage(exception))
        {
            // The tombstone is durable; the rest is done when it is asked for again, or at the next start.
            return StatusCode.Unavailable;
        }
        catch (IOException exception)
        {
            _shared.Fail(exception);
            return StatusCode.IoError;
        }
        finally
        {
            if (replica is not null) _pump.Wake(replica);
        }
    }

    private Task<StatusCode> TakeAsync(LogletId loglet, RetainedPayload entries, uint count, Action<Replica, TaskCompletionSource<StatusCode>> take)
    {
        if (Failure is not null) return Task.FromResult(StatusCode.IoError);
        if (!EntryRun.IsIntact(entries.AsSequence(), count)) return Task.FromResult(StatusCode.Malformed);
        if (_table.Find(loglet) is not { } replica) return Task.FromResult(_table.Absence(loglet));
        var done = new TaskCompletionSource<StatusCode>(TaskCreationOptions.RunContinuationsAsynchronously);
        take(replica, done);
        replica.KickIfDirty();
        return done.Task;
    }
}
