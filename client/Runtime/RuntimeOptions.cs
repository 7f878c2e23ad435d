using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Runtime;

/// <summary>Settings of a replica; immutable, checked once.</summary>
public sealed record RuntimeOptions
{
    /// <summary>The replica's lasting id, different from all others of the log: a node's id, for instance. Not 0.</summary>
    public required ulong ReplicaId { get; init; }

    /// <summary>For people; default: the id.</summary>
    public string Name { get; init; } = "";

    /// <summary>Largest entry that proposals are gathered into, bytes; 256 KiB unless set. Bounds a command.</summary>
    public int MaxBatchBytes { get; init; } = 256 << 10;

    /// <summary>Entries under way at a time; 4 unless set. Fewer make larger entries.</summary>
    public int MaxAppends { get; init; } = 4;

    /// <summary>Proposals that may wait for their answers; 65,536 unless set.</summary>
    public int MaxProposals { get; init; } = 1 << 16;

    /// <summary>How often the replica makes its state durable and says so through the log; 10 s unless set.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Applied entries after which the replica writes a new snapshot; 100,000 unless set. Where all replicas share one place for snapshots, somebody else's counts as well.</summary>
    public long SnapshotEvery { get; init; } = 100_000;

    /// <summary>Snapshots to keep, at least 1; 2 unless set. The log is kept from the oldest of them on.</summary>
    public int SnapshotsKept { get; init; } = 2;

    /// <summary>A replica that has not reported for so long does not hold up trimming any more; when it comes back it may need a snapshot. 10 min unless set.</summary>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a linearizable read waits until this replica has caught up with the tail; 15 s unless set.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The features that this program knows, and up to which level.</summary>
    public IReadOnlyDictionary<string, int> Features { get; init; } = new Dictionary<string, int>();

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    internal RuntimeOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfZero(ReplicaId);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAppends, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxProposals, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ReportEvery, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotEvery, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotsKept, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(EvictAfter, ReportEvery);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ReadTimeout, TimeSpan.Zero);
        return this with { Name = Name.Length > 0 ? Name : ReplicaId.ToString(System.Globalization.CultureInfo.InvariantCulture), Features = new SortedDictionary<string, int>(Features.ToDictionary(), StringComparer.Ordinal) };
    }
}
