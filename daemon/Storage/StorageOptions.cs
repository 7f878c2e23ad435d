using System.Numerics;

namespace Delos.Daemon.Storage;

/// <summary>Sizes and times of the storage of one disk. Sizes may differ from one start to the next: what is on disk remembers its own.</summary>
public sealed record StorageOptions
{
    /// <summary>Bytes of one file of a segment log; a power of two, at least a page. What a trim frees, it frees in files.</summary>
    public int SegmentFileBytes { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes of a FasterLog page, a power of two. A record never spans pages, so this bounds a record: 2 MiB takes an entry of 1 MiB with room.
    /// (Measured: 1 MiB and 4 MiB are equally fast, 256 KiB a third slower.)
    /// </summary>
    public int PageBytes { get; init; } = 2 << 20;

    /// <summary>Memory of a log that is being written: what may be appended and not durable yet. A power of two, at least four pages.</summary>
    public int PageMemoryBytes { get; init; } = 16 << 20;

    /// <summary>Zeroed files kept ready, so that opening a log or going on to the next file costs a rename. 0: none, files are allocated on the spot.</summary>
    public int SpareFiles { get; init; } = 4;

    /// <summary>
    /// Commits go past the page cache. Copying into it is a good part of the work of a log that is written fast; but then whoever reads what was written a moment ago reads the disk. Only files that were kept ready
    /// (<see cref="SpareFiles"/>) are written so, and only where the file system can. A page is written while further records are copied in behind its durable part: a file system that checksums what it writes could
    /// take that for damage.
    /// </summary>
    public bool DirectIo { get; init; }

    /// <summary>The end of the allocated space that only records with <c>useReserve</c> (seals) may take when the disk is full.</summary>
    public int ReserveBytes { get; init; } = 64 << 10;

    /// <summary>After this long without a commit a checkpoint record is written: from then on, damage to what came before it cannot be taken for a torn write.</summary>
    public TimeSpan IdleCheckpoint { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How often a full disk is asked again.</summary>
    public TimeSpan SpaceRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Files of closed generations held open for reading, at most.</summary>
    public int MaxOpenFiles { get; init; } = 256;

    /// <summary>A mark in the position index per so many bytes.</summary>
    public int IndexBytes { get; init; } = 64 << 10;

    /// <summary>Bytes of one file of a journal; a power of two.</summary>
    public int JournalFileBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of a journal's page, which bounds its records.</summary>
    public int JournalPageBytes { get; init; } = 1 << 20;

    /// <summary>A journal longer than this asks to be rewritten (<see cref="Journal.WantsRewrite"/>).</summary>
    public int JournalRewriteBytes { get; init; } = 4 << 20;

    internal DiskOperations Disk { get; init; } = DiskOperations.Real;

    internal StorageOptions ForJournal() => this with
    {
        SegmentFileBytes = Math.Max(JournalFileBytes, JournalPageBytes),
        PageBytes = JournalPageBytes,
        PageMemoryBytes = 4 * JournalPageBytes,
        SpareFiles = 0,
        ReserveBytes = Math.Min(ReserveBytes, JournalPageBytes),
    };

    /// <summary>The same options, or an exception that names the value that makes no sense.</summary>
    public StorageOptions Validate()
    {
        PowerOfTwo(SegmentFileBytes, nameof(SegmentFileBytes));
        PowerOfTwo(PageBytes, nameof(PageBytes));
        PowerOfTwo(PageMemoryBytes, nameof(PageMemoryBytes));
        PowerOfTwo(JournalFileBytes, nameof(JournalFileBytes));
        PowerOfTwo(JournalPageBytes, nameof(JournalPageBytes));
        if (PageBytes < 64 << 10) throw new ArgumentException("at least 64 KiB", nameof(PageBytes));
        if (JournalPageBytes < 64 << 10) throw new ArgumentException("at least 64 KiB", nameof(JournalPageBytes));
        if (SegmentFileBytes < PageBytes) throw new ArgumentException("at least one page", nameof(SegmentFileBytes));
        if (SegmentFileBytes <= Storage.SpareFiles.SmallFileBytes) throw new ArgumentException("more than 64 KiB", nameof(SegmentFileBytes));
        if (JournalFileBytes <= Storage.SpareFiles.SmallFileBytes) throw new ArgumentException("more than 64 KiB", nameof(JournalFileBytes));
        if (PageMemoryBytes < 4 * PageBytes) throw new ArgumentException("at least four pages", nameof(PageMemoryBytes));
        if (ReserveBytes < 0 || ReserveBytes > PageBytes) throw new ArgumentException("at most one page", nameof(ReserveBytes));
        ArgumentOutOfRangeException.ThrowIfNegative(SpareFiles);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxOpenFiles, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(IndexBytes, 1);
        return this;
    }

    private static void PowerOfTwo(int value, string name)
    {
        if (value <= 0 || !BitOperations.IsPow2(value)) throw new ArgumentException("must be a power of two", name);
    }
}
