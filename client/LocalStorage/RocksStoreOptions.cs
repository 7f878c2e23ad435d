namespace Delos.LocalStorage;

/// <summary>
/// Settings of a <see cref="RocksStore"/>; immutable, checked once when the factory is made. The defaults suit a control plane's state on a small machine: at most about
/// <see cref="BlockCacheBytes"/> + 2 × <see cref="ReadCacheBytes"/> + 6 × <see cref="CommitBufferBytes"/> + <see cref="WriteBuffers"/> × <see cref="WriteBufferBytes"/> of memory (160 MiB), the changes of a transaction, what open snapshots and scans pin, and some kilobytes for each open file.
/// </summary>
public sealed record RocksStoreOptions
{
    public static RocksStoreOptions Default { get; } = new();

    /// <summary>Where the store is: a directory of its own, which is created. Beside it, under the same name with an ending, is what <see cref="RocksStoreFactory.RestoreAsync"/> has in hand.</summary>
    public string Directory { get; init; } = "";

    /// <summary>Bytes of blocks read from files that stay in memory, uncompressed; indexes and filters of the files are among them. 32 MiB unless set, at least 1 MiB.</summary>
    public long BlockCacheBytes { get; init; } = 32L << 20;

    /// <summary>Bytes of keys that transactions asked for, with their values, which stay in memory as they are, so that the apply loop need not ask the engine for them again. 16 MiB unless set; 0: none. More than 2 GiB are not used.</summary>
    public long ReadCacheBytes { get; init; } = 16L << 20;

    /// <summary>
    /// Bytes of what the last commits changed, the last state of each key, which are gathered before a thread of its own gives them to the engine at once, while the next ones gather; the changes of one transaction may come on top. More makes
    /// commits cheaper, above all of keys that are written again and again. A reader waits until the engine has all that was committed before: after one came, an eighth of that is gathered, then twice as much each time that no reader comes
    /// meanwhile. 8 MiB unless set, at most 256 MiB; 0: a commit is given to the engine by the next one.
    /// </summary>
    public long CommitBufferBytes { get; init; } = 8L << 20;

    /// <summary>Bytes of commits that are gathered in the engine's memory before they are written to a file in the background. 16 MiB unless set, at least 64 KiB.</summary>
    public long WriteBufferBytes { get; init; } = 16L << 20;

    /// <summary>How many such buffers there may be, the one being filled among them; commits wait while all are waiting for the disk. 3 unless set, at least 2.</summary>
    public int WriteBuffers { get; init; } = 3;

    /// <summary>Files that are kept open at a time. 256 unless set, at least 32.</summary>
    public int MaxOpenFiles { get; init; } = 256;

    /// <summary>Threads that write buffers to files and merge files. They are shared by all stores of the process. 2 unless set, at least 1.</summary>
    public int BackgroundJobs { get; init; } = 2;

    /// <summary>Bits of filter for each key, which spare most look-ups of absent keys a read from the disk: 10 unless set, which lets 1 % through. 0: no filter.</summary>
    public int FilterBitsPerKey { get; init; } = 10;

    /// <summary>Compress files by LZ4, if the library was built with it. True unless set. Files that exist are read whatever it says.</summary>
    public bool Compress { get; init; } = true;

    /// <summary>Size of the files that the engine's own messages go to; two are kept. 1 MiB unless set, at least 64 KiB.</summary>
    public long InfoLogBytes { get; init; } = 1L << 20;

    /// <summary>How long it is waited for the readers of a store that this process had open in the same directory, and has closed, before another one is opened or put there. 5 s unless set.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <exception cref="ArgumentException">A value is missing or out of its bounds.</exception>
    public RocksStoreOptions Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Directory);
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockCacheBytes, 1L << 20);
        ArgumentOutOfRangeException.ThrowIfNegative(ReadCacheBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(CommitBufferBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(CommitBufferBytes, 256L << 20);
        ArgumentOutOfRangeException.ThrowIfLessThan(WriteBufferBytes, 64L << 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(WriteBuffers, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxOpenFiles, 32);
        ArgumentOutOfRangeException.ThrowIfLessThan(BackgroundJobs, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(FilterBitsPerKey);
        ArgumentOutOfRangeException.ThrowIfLessThan(InfoLogBytes, 64L << 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(OpenTimeout, TimeSpan.Zero);
        return this;
    }
}
