using System.Buffers;
using System.Buffers.Binary;
using Delos.LocalStorage;
using Delos.Protocol.Entries;

namespace Delos.Daemon.Storage;

/// <summary>Is told what a scan found, in the order of the addresses.</summary>
internal interface IScanSink
{
    /// <param name="files">The generation.</param>
    /// <param name="header">Intact.</param>
    /// <param name="payload">Empty for intact entries.</param>
    /// <param name="intact">False: the payload is damaged, and was durable.</param>
    void OnRecord(GenerationFiles files, in RecordHeader header, ReadOnlySpan<byte> payload, bool intact);

    /// <summary>Records between the two addresses were durable and are lost.</summary>
    void OnGap(GenerationFiles files, long start, long end);

    /// <summary>What the closed marker says of the Loglets' ends, after the records.</summary>
    void OnEnds(IReadOnlyList<LogletEnd> ends);

    /// <summary>What a new marker shall say of the Loglets' ends, after the records: only those that no damage hides.</summary>
    List<LogletEnd> DescribeEnds();
}

/// <summary>
/// Reads a whole generation after a restart and tells damage from the torn end (trap 26). Records form a chain (each states its distance from the one before), so a lost record shows
/// even where FasterLog may have left padding. Each record also states what was durable when it was written, and the closed marker states the tail: damage below anything so proven is
/// corruption, and is kept; damage above it was never acknowledged, and everything from there on is cut.
/// Where a record's length is destroyed, the scan goes on at the next place with the generation's nonce and an intact header.
/// </summary>
internal sealed class GenerationScan(GenerationFiles files, IScanSink sink)
{
    private const int Sector = 4096;

    private readonly Queue<Found> _pending = new();
    private readonly GenerationName _name = files.Name;
    private bool _isWhole;
    private long _proven;
    private long _lastStart = -1;
    private long _lastEnd;

    /// <summary>The end of the last record to keep.</summary>
    public long Tail { get; private set; }

    /// <summary>Something behind the tail was left out: the torn end of an interrupted write.</summary>
    public bool WasTorn { get; private set; }

    /// <summary>The first intact record that the generation's first file still shows.</summary>
    public static bool TryFindFirst(GenerationFiles files, out RecordHeader header)
    {
        header = default;
        var indexes = files.FindFiles();
        if (indexes.Length == 0) return false;
        var scan = new GenerationScan(files, NoSink.Instance) { _isWhole = true };
        var page = ArrayPool<byte>.Shared.Rent(files.Name.PageBytes);
        try
        {
            var start = (long)indexes[0] << files.Name.FileBits;
            for (var at = start; at < start + files.Name.FileBytes; at += files.Name.PageBytes)
            {
                if (scan.TryFind(scan.LoadPage(page, at), at, at == 0 ? (int)LogAddress.FirstLocal : 0, out header)) return true;
            }

            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(page);
        }
    }

    /// <param name="firstFile">The first file that is there.</param>
    /// <param name="fileCount">The file after the last one that is there.</param>
    /// <param name="markedTail">What the closed marker, or the next generation's opening, says; 0: not known.</param>
    /// <param name="isWhole">Nothing was left unsynced, also when the tail is not known: whatever is damaged was durable.</param>
    public void Run(int firstFile, int fileCount, long markedTail, bool isWhole)
    {
        var start = firstFile == 0 ? LogAddress.FirstLocal : (long)firstFile << _name.FileBits;
        _proven = markedTail > 0 ? markedTail : isWhole ? long.MaxValue : 0;
        _isWhole = _proven > 0;
        _lastEnd = start;
        if (firstFile == 0) _lastStart = 0;
        var page = ArrayPool<byte>.Shared.Rent(_name.PageBytes);
        try
        {
            // A file that is not there holds no record; a wrong tail must not make us look for millions of them.
            foreach (var index in files.FindFiles())
            {
                if (index < firstFile || index >= fileCount) continue;
                var fileStart = (long)index << _name.FileBits;
                for (var at = fileStart; at < fileStart + _name.FileBytes; at += _name.PageBytes) ScanPage(LoadPage(page, at), at);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(page);
        }

        if (markedTail > _lastEnd) Add(new Found { Start = _lastEnd, End = markedTail, Damaged = true });
        Tail = _lastEnd;
        Settle();
        if (_pending.TryPeek(out var torn))
        {
            WasTorn = true;
            Tail = torn.Start;
        }

        if (markedTail > Tail) Tail = markedTail;
    }

    private void ScanPage(ReadOnlySpan<byte> page, long pageAddress)
    {
        var at = pageAddress == 0 ? (int)LogAddress.FirstLocal : 0;
        while (TryFind(page, pageAddress, at, out var header))
        {
            var start = (int)(header.Address - pageAddress);
            OnHeader(header, page.Slice(start + 4 + RecordHeader.Size, header.PayloadLength));
            at = (int)(LiveGeneration.RecordEnd(header.Address, header.PayloadLength) - pageAddress);
        }
    }

    /// <summary>The next intact header on the page, there or further on.</summary>
    private bool TryFind(ReadOnlySpan<byte> page, long pageAddress, int at, out RecordHeader header)
    {
        Span<byte> nonce = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, _name.Nonce);
        while (!TryRead(page, pageAddress, at, out header))
        {
            // The nonce lies 12 bytes into a record; records are aligned to 4.
            var from = at + 13;
            if (from >= page.Length) return false;
            var hit = page[from..].IndexOf(nonce);
            if (hit < 0) return false;
            at = from + hit - 12;
        }

        return true;
    }

    private Span<byte> LoadPage(byte[] buffer, long address)
    {
        var page = buffer.AsSpan(0, _name.PageBytes);
        page[ReadPage(page, address)..].Clear();
        return page;
    }

    private int ReadPage(Span<byte> page, long address)
    {
        var index = (int)(address >> _name.FileBits);
        if (!File.Exists(files.FilePath(index))) return 0;
        try
        {
            return files.Read(address, page);
        }
        catch (IoException e) when (e.Errno == Posix.EIO && _isWhole)
        {
            // What cannot be read is damage. Where a torn end is possible it might be taken for that: then the error stands.
            page.Clear();
            for (var at = 0; at < page.Length; at += Sector) ReadSector(page.Slice(at, Sector), address + at);
            return page.Length;
        }
    }

    private void ReadSector(Span<byte> sector, long address)
    {
        try
        {
            files.Read(address, sector);
        }
        catch (IoException e) when (e.Errno == Posix.EIO)
        {
            sector.Clear();
        }
    }

    private bool TryRead(ReadOnlySpan<byte> page, long pageAddress, int at, out RecordHeader header)
    {
        header = default;
        return at + 4 + RecordHeader.Size <= page.Length
            && RecordHeader.TryRead(page[(at + 4)..], _name.Nonce, pageAddress + at, out header)
            && header.PayloadLength <= page.Length - at - 4 - RecordHeader.Size;
    }

    private void OnHeader(in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        // Where the files before were trimmed away, the first record that is left begins its file: records do not span pages.
        var linked = _lastStart switch
        {
            < 0 => header.Address == _lastEnd,
            0 => header.PreviousDistance == 0,
            _ => header.Address - _lastStart == header.PreviousDistance,
        };
        if (!linked) Add(new Found { Start = _lastEnd, End = header.Address, Damaged = true });
        _lastStart = header.Address;
        _lastEnd = LiveGeneration.RecordEnd(header.Address, header.PayloadLength);
        var intact = header.Kind.HoldsEntries() ? EntryWalk.AllIntact(payload, header.Count, header.PayloadCrc) : Crc32C.Compute(payload) == header.PayloadCrc;
        _proven = Math.Max(_proven, header.DurableAddress);
        if (intact && _pending.Count == 0)
        {
            sink.OnRecord(files, header, header.Kind.HoldsEntries() ? [] : payload, intact: true);
            return;
        }

        Add(new Found
        {
            Start = header.Address,
            End = _lastEnd,
            Header = header,
            Payload = intact && header.Kind.HoldsEntries() ? [] : payload.ToArray(),
            Damaged = !intact,
        });
    }

    private void Add(in Found found)
    {
        _pending.Enqueue(found);
        Settle();
    }

    /// <summary>Hands on what waits behind damage as soon as the damage is proven to have been durable.</summary>
    private void Settle()
    {
        while (_pending.TryPeek(out var found) && (!found.Damaged || found.Start < _proven))
        {
            _pending.Dequeue();
            if (found.Header is { } header) sink.OnRecord(files, header, found.Payload, !found.Damaged);
            else sink.OnGap(files, found.Start, found.End);
        }
    }

    /// <summary>For a look at a header.</summary>
    private sealed class NoSink : IScanSink
    {
        public static NoSink Instance { get; } = new();

        public void OnRecord(GenerationFiles files, in RecordHeader header, ReadOnlySpan<byte> payload, bool intact)
        {
        }

        public void OnGap(GenerationFiles files, long start, long end)
        {
        }

        public void OnEnds(IReadOnlyList<LogletEnd> ends)
        {
        }

        public List<LogletEnd> DescribeEnds() => [];
    }

    private readonly record struct Found
    {
        public long Start { get; init; }

        public long End { get; init; }

        public RecordHeader? Header { get; init; }

        public byte[] Payload { get; init; }

        public bool Damaged { get; init; }
    }
}
