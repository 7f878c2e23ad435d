using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using FASTER.core;

namespace Delos.Daemon.Storage;

/// <summary>
/// The generation that a log is writing: one FasterLog over a <see cref="SegmentDevice"/>. FasterLog's checksums are off: every record carries its own CRC32C.
/// Appends are serialized by the owner; <see cref="Commit"/> belongs to the I/O thread.
/// </summary>
internal sealed class LiveGeneration : IDisposable
{
    private const int FasterHeader = 4;

    private readonly FasterLog _log;
    private readonly PageFlush _flush;
    private readonly FasterLogSettings _settings;
    private readonly int _reserveBytes;
    private readonly long _memoryPages;
    private long _lastStart;
    private long _lastEnd = LogAddress.FirstLocal;
    private long _durable = LogAddress.FirstLocal;
    private bool _disposed;

    public LiveGeneration(GenerationFiles files, StorageOptions options)
    {
        Files = files;
        Name = files.Name;
        _reserveBytes = options.ReserveBytes;
        _memoryPages = options.PageMemoryBytes / Name.PageBytes;
        Device = new SegmentDevice(files.Directory, Name.FileBytes, options.Disk);
        _settings = new FasterLogSettings
        {
            LogDevice = Device,
            LogCommitManager = NoCommitFiles.Instance,
            PageSizeBits = Name.PageBits,
            MemorySize = options.PageMemoryBytes,
            SegmentSizeBits = Name.FileBits,
            LogChecksum = LogChecksumType.None,
            FastCommitMode = false,
            TryRecoverLatest = false,
        };
        _log = new FasterLog(_settings);
        _flush = new PageFlush(_log);
    }

    public GenerationName Name { get; }

    public GenerationFiles Files { get; }

    public SegmentDevice Device { get; }

    /// <summary>The end of the last record that is durable.</summary>
    public long Durable => Volatile.Read(ref _durable);

    /// <summary>The end of the last record.</summary>
    public long End => Volatile.Read(ref _lastEnd);

    /// <summary>Ends when the generation's marker is on disk.</summary>
    public TaskCompletionSource? Closed { get; set; }

    /// <summary>Each Loglet's end when the last record was appended.</summary>
    public IReadOnlyList<LogletEnd> EndsAtClose { get; set; } = [];

    public bool IsDirty => End > Durable;

    public static int MaxPayload(int pageBytes) => pageBytes - (int)LogAddress.FirstLocal - FasterHeader - RecordHeader.Size;

    /// <summary>Where a record's bytes end, aligned as FasterLog does.</summary>
    public static long RecordEnd(long address, int payloadLength) => address + FasterHeader + ((RecordHeader.Size + payloadLength + 3) & ~3);

    /// <summary>Where a record's header is, behind FasterLog's length.</summary>
    public static long HeaderAt(long address) => address + FasterHeader;

    public unsafe AppendStatus TryAppend(in RecordHeader template, RetainedPayload? payload, ReadOnlySpan<byte> bytes, bool useReserve, out long start, out long end)
    {
        // The appends are serialized, so FasterLog's next address is known: behind the last record, or on the next page when it does not fit on this one.
        start = _log.TailAddress;
        var length = payload?.Length ?? bytes.Length;
        end = RecordEnd(start, length);
        var pageEnd = (start & ~((long)Name.PageBytes - 1)) + Name.PageBytes;
        if (end > pageEnd)
        {
            start = pageEnd;
            end = RecordEnd(start, length);
        }

        var room = Device.AllocatedEnd - (useReserve ? 0 : _reserveBytes);
        if (end > room) return AppendStatus.NoSpace;

        // FasterLog's own condition; asked here, since it allocates two closures for each entry that it refuses, and whoever is refused tries again.
        if (start >> Name.PageBits >= _memoryPages + (_log.FlushedUntilAddress >> Name.PageBits)) return AppendStatus.Busy;
        var header = template with
        {
            Nonce = Name.Nonce,
            PayloadLength = length,
            PayloadCrc = Checksum(template.Kind, payload, bytes),
            PreviousDistance = _lastStart == 0 ? 0 : (uint)(start - _lastStart),
            Address = start,
            DurableAddress = Durable,
        };
        fixed (byte* pointer = bytes)
        {
            if (!_log.TryEnqueue(new RecordEntry(header, payload, pointer), out var address)) return AppendStatus.Busy;
            if (address != start) throw new InvalidOperationException($"FasterLog put a record at {address} that was to be at {start}.");
        }

        _lastStart = start;
        Volatile.Write(ref _lastEnd, end);
        return AppendStatus.Ok;
    }

    /// <summary>Makes everything appended before the call durable. False: there was nothing. Throws what the disk answered; then the generation is lost for writing.</summary>
    public bool Commit()
    {
        // The end is read before FasterLog's tail, so the tail covers it.
        var end = End;
        if (end <= Durable) return false;
        _flush.Begin();
        var spin = new SpinWait();
        while (_log.FlushedUntilAddress < end)
        {
            // A write is queued as soon as every appender that was copying into a page has left it, perhaps by that appender: nothing to sleep on.
            if (Device.RunQueued())
            {
                spin = default;
                continue;
            }

            spin.SpinOnce(sleep1Threshold: -1);
            if (spin.NextSpinWillYield) QueueWhatWasLeft();
        }

        Volatile.Write(ref _durable, end);
        return true;
    }

    /// <summary>
    /// FasterLog's epochs have a hole: an appender that leaves looks whether a write waits to be queued, and that load may overtake the store by which it leaves, as long as the processor still holds back what
    /// it copied. The committer saw it inside, it saw nothing to do, and if nobody appends any more the write is never queued. Whoever enters the epoch and leaves it queues what is due;
    /// a read behind the end does that and nothing else.
    /// </summary>
    private void QueueWhatWasLeft()
    {
        var nothing = _log.ReadRecordLengthAsync(long.MaxValue);
        if (!nothing.IsCompletedSuccessfully) throw new InvalidOperationException("FasterLog reads behind its end.");
    }

    /// <summary>Drops the page memory; the files stay open in <see cref="Files"/>'s care.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _log.Dispose();
        Device.Dispose();
        _settings.Dispose();
    }

    private static uint Checksum(RecordKind kind, RetainedPayload? payload, ReadOnlySpan<byte> bytes)
    {
        if (payload is null) return kind.HoldsEntries() ? EntryWalk.Checksum(bytes) : Crc32C.Compute(bytes);
        if (kind.HoldsEntries()) return EntryWalk.Checksum(payload);
        var crc = Crc32C.Begin();
        for (var i = 0; i < payload.SegmentCount; i++) crc = Crc32C.Append(crc, payload.GetSpan(i));
        return Crc32C.Finish(crc);
    }
}
