using Delos.LocalStorage;

namespace Delos.Daemon.Tables;

/// <summary>Settings of the role table; immutable, checked with the node's configuration. Of what is bounded in all, one connection gets at most a quarter.</summary>
internal sealed record TableOptions
{
    /// <summary>The log that the tables are in. Replicas of the same log are replicas of the same tables.</summary>
    public string Log { get; init; } = "tables";

    /// <summary>This replica's own directory.</summary>
    public required string Directory { get; init; }

    /// <summary>A directory for the snapshots of all replicas; empty: each keeps its own, and copies those of others.</summary>
    public string SnapshotDirectory { get; init; } = "";

    /// <summary>Memory for what was read from the replica's files: a quarter for what the apply loop asks for, the rest for blocks of the files.</summary>
    public long CacheBytes { get; init; } = 32L << 20;

    public long WriteBufferBytes { get; init; } = 16L << 20;

    /// <summary>How often the replica makes its state durable and says so through the log.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Entries of the log after which there is a new snapshot.</summary>
    public long SnapshotEvery { get; init; } = 100_000;

    /// <summary>A replica that is silent for so long does not hold up the trimming of the log any more.</summary>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Views of the tables, held for scans and transactions.</summary>
    public int MaxViews { get; init; } = 1024;

    /// <summary>How long a view is held after its last use.</summary>
    public TimeSpan ViewTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests in hand.</summary>
    public int MaxRequests { get; init; } = 32_768;

    /// <summary>Bytes of them.</summary>
    public long MaxRequestBytes { get; init; } = 64L << 20;

    /// <summary>Watches that wait for a change.</summary>
    public int MaxWatches { get; init; } = 8192;

    /// <summary>Bytes of answers that may wait to be sent on one connection before no further reads are done for it.</summary>
    public long MaxQueuedBytes { get; init; } = 32L << 20;

    /// <summary>Largest entry of the log, bytes: bounds a command.</summary>
    public int MaxEntryBytes { get; init; } = 1 << 20;

    /// <summary>How long the stop may take.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(2);

    public RocksStoreOptions Store => new() { Directory = StoreDirectory, BlockCacheBytes = Math.Max(CacheBytes - (CacheBytes / 4), 1 << 20), ReadCacheBytes = CacheBytes / 4, WriteBufferBytes = WriteBufferBytes };

    public string StoreDirectory => Path.Combine(Directory, "store");

    public string EffectiveSnapshotDirectory => SnapshotDirectory.Length > 0 ? SnapshotDirectory : Path.Combine(Directory, "snapshots");
}
