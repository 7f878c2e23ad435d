using System.Buffers.Binary;
using Delos.Daemon.Storage;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// What an undamaged image of a record log holds, read by a second, simple reader that knows only the layout of a record (RecordHeader's summary); and what of it a damaged image still proves. Nothing here
/// uses the scan that is tested.
/// </summary>
internal sealed class LogTruth
{
    private const int FasterHeader = 4;
    private const long FirstAddress = 64;

    private readonly DiskImage _image;
    private readonly List<Generation> _generations = [];

    /// <param name="image">As the storage wrote it.</param>
    /// <param name="directory">The log's directory in the image.</param>
    public LogTruth(DiskImage image, string directory)
    {
        _image = image;
        var names = image.Files.Keys.Where(p => p.StartsWith(directory + "/", StringComparison.Ordinal)).Select(p => p[(directory.Length + 1)..].Split('/')[0]).Distinct();
        foreach (var text in names.Order(StringComparer.Ordinal))
        {
            if (!GenerationName.TryParse(text, out var name)) continue;
            var path = $"{directory}/{text}";
            var files = image.Files.Keys.Where(p => p.StartsWith(path + "/", StringComparison.Ordinal)).Select(p => GenerationName.FileIndex(Path.GetFileName(p))).Where(i => i >= 0).Order().ToArray();
            var generation = new Generation(path, name, files.Length > 0 ? files[0] : 0, files.Length > 0 ? files[^1] : 0, image.Files.ContainsKey(path + "/closed"));
            Parse(generation);
            _generations.Add(generation);
        }
    }

    public IReadOnlyList<Generation> Generations => _generations;

    public IEnumerable<Record> Records => _generations.SelectMany(g => g.Records);

    /// <summary>
    /// The records that a damaged image shows to have been durable: by the generation's untouched marker, by an untouched header of a later record that states so, or, for everything in a generation, by an
    /// untouched header in the first file of a later one.
    /// </summary>
    public HashSet<Record> Proven(DiskImage damaged)
    {
        var proven = new HashSet<Record>();
        for (var i = 0; i < _generations.Count; i++)
        {
            var generation = _generations[i];
            var marker = generation.Path + "/closed";
            var isClosed = generation.IsClosed && damaged.Files.TryGetValue(marker, out var bytes) && bytes.AsSpan().SequenceEqual(_image.Files[marker]);
            var isFollowed = _generations.Skip(i + 1).Any(g => FirstFile(damaged, g) is var first && g.Records.Any(r => r.Start >> g.Name.FileBits == first && HeaderIsWhole(damaged, r)));
            var limit = isClosed || isFollowed ? long.MaxValue : 0;
            foreach (var record in generation.Records.Where(r => HeaderIsWhole(damaged, r))) limit = Math.Max(limit, record.Header.DurableAddress);
            foreach (var record in generation.Records.Where(r => r.Start < limit)) proven.Add(record);
        }

        return proven;
    }

    /// <summary>Not a byte of header and payload differs.</summary>
    public bool IsWhole(DiskImage damaged, Record record) => HeaderIsWhole(damaged, record) && IsSame(damaged, record, FasterHeader + RecordHeader.Size, record.Payload.Length);

    public bool HeaderIsWhole(DiskImage damaged, Record record) => IsSame(damaged, record, FasterHeader, RecordHeader.Size);

    /// <summary>Each entry of a record, with its position.</summary>
    public static IEnumerable<(long Position, byte[] Bytes)> Entries(Record record)
    {
        var at = 0;
        for (var position = record.Header.First; position < record.Header.End; position++)
        {
            if (!EntryCodec.TryReadHeader(record.Payload.AsSpan(at), out var entry)) throw new InvalidOperationException("The pristine image holds no entry there.");
            yield return (position, record.Payload[at..(at + entry.Size)]);
            at += entry.Size;
        }
    }

    private static int FirstFile(DiskImage image, Generation generation) =>
        image.Files.Keys.Where(p => p.StartsWith(generation.Path + "/", StringComparison.Ordinal)).Select(p => GenerationName.FileIndex(Path.GetFileName(p))).Where(i => i >= 0).DefaultIfEmpty(-1).Min();

    private static string FileOf(Generation generation, long address) => $"{generation.Path}/{GenerationName.FileName((int)(address >> generation.Name.FileBits))}";

    private bool IsSame(DiskImage damaged, Record record, int offset, int length)
    {
        var path = FileOf(record.Generation, record.Start);
        var at = (int)(record.Start & (record.Generation.Name.FileBytes - 1)) + offset;
        return damaged.Files.TryGetValue(path, out var bytes) && bytes.Length >= at + length && bytes.AsSpan(at, length).SequenceEqual(_image.Files[path].AsSpan(at, length));
    }

    private void Parse(Generation generation)
    {
        var address = generation.FirstFile == 0 ? FirstAddress : (long)generation.FirstFile << generation.Name.FileBits;
        var end = (long)(generation.LastFile + 1) << generation.Name.FileBits;
        while (address < end)
        {
            var pageEnd = (address & ~((long)generation.Name.PageBytes - 1)) + generation.Name.PageBytes;
            if (!_image.Files.TryGetValue(FileOf(generation, address), out var file) || TryRead(file, generation, address) is not { } record || record.End > pageEnd)
            {
                address = pageEnd;
                continue;
            }

            generation.Records.Add(record);
            address = record.End;
        }
    }

    private static Record? TryRead(byte[] file, Generation generation, long address)
    {
        var at = (int)(address & (generation.Name.FileBytes - 1)) + FasterHeader;
        if (file.Length < at + RecordHeader.Size) return null;
        var bytes = file.AsSpan(at);
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) != generation.Name.Nonce || BinaryPrimitives.ReadInt64LittleEndian(bytes[56..]) != address) return null;
        if (!RecordHeader.TryRead(bytes, generation.Name.Nonce, address, out var header)) return null;
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[44..]);
        var end = address + FasterHeader + ((RecordHeader.Size + length + 3) & ~3);
        return new Record(generation, address, end, header, bytes.Slice(RecordHeader.Size, length).ToArray());
    }

    public sealed record Generation(string Path, GenerationName Name, int FirstFile, int LastFile, bool IsClosed)
    {
        public List<Record> Records { get; } = [];
    }

    public sealed class Record(Generation generation, long start, long end, RecordHeader header, byte[] payload)
    {
        public Generation Generation => generation;

        public long Start => start;

        public long End => end;

        public RecordHeader Header => header;

        public byte[] Payload => payload;

        public RecordKind Kind => header.Kind;

        public LogletId Loglet => header.Loglet;

        public override string ToString() => $"{header.Kind} [{header.First}, {header.End}) of {header.Loglet.Low:x} at {generation.Name.Number}:{start}";
    }
}
