using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Delos.Daemon.Storage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Storage;

/// <summary>A store in a directory of its own with small files, and the shortest ways to fill, crash and read it.</summary>
internal sealed class StorageHarness : IAsyncDisposable, ISegmentLogVisitor, ISegmentLogListener
{
    public static readonly StorageOptions Small = new()
    {
        SegmentFileBytes = 256 << 10,
        PageBytes = 64 << 10,
        PageMemoryBytes = 256 << 10,
        SpareFiles = 1,
        ReserveBytes = 4 << 10,
        IndexBytes = 4 << 10,
        IdleCheckpoint = TimeSpan.FromHours(1),
        SpaceRetry = TimeSpan.FromMilliseconds(50),
        JournalFileBytes = 256 << 10,
        JournalPageBytes = 64 << 10,
        JournalRewriteBytes = 64 << 10,
    };

    private readonly ConcurrentQueue<Exception> _failures = new();
    private readonly StorageOptions _options;
    private readonly bool _ownsDirectory;

    public StorageHarness(StorageOptions? options = null, string? directory = null, bool open = true)
    {
        _options = options ?? Small;
        _ownsDirectory = directory is null;
        Root = directory ?? Path.Combine(Path.GetTempPath(), "delos-storage-" + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(Root);
        Store = open ? LogStore.Open(Root, _options, NullLogger.Instance, TimeProvider.System, this) : null!;
    }

    public static LogletId Loglet { get; } = new(0, 0x1234);

    public string Root { get; }

    public LogStore Store { get; private set; }

    public List<RecordHeader> Records { get; } = [];

    public List<(LogletId Loglet, long First, long End)> Unknown { get; } = [];

    public List<string> Damage { get; } = [];

    public IReadOnlyCollection<Exception> Failures => _failures;

    public long Announced { get; private set; }

    public int Announcements;

    public SegmentLog Log
    {
        get
        {
            var log = Store.TryGetOrCreate(Loglet)!;
            log.Listener ??= this;
            return log;
        }
    }

    /// <summary>The tail as an owner would compute it from what recovery told.</summary>
    public long RecoveredTail => Math.Max(
        Records.Where(r => r.Kind is RecordKind.Entries or RecordKind.RepairEntries).Select(r => r.End).DefaultIfEmpty().Max(),
        Unknown.Select(u => u.End).DefaultIfEmpty().Max());

    public static byte[] PayloadOf(long position, int size = 100)
    {
        var payload = new byte[size];
        new Random((int)position).NextBytes(payload);
        BinaryPrimitives.WriteInt64LittleEndian(payload, position);
        return payload;
    }

    public static RetainedPayload Encode(long first, int count, int size = 100)
    {
        var bytes = new byte[count * EntryCodec.EncodedSize(size)];
        for (var i = 0; i < count; i++)
        {
            EntryCodec.Encode(bytes.AsSpan(i * EntryCodec.EncodedSize(size)), new AppendId(7, (ulong)(first + i)), EntryKind.Data, PayloadOf(first + i, size));
        }

        return RetainedPayload.Copy(bytes);
    }

    public AppendStatus TryAppend(long first, int count, int size = 100, RecordKind kind = RecordKind.Entries, LogletId? loglet = null) => TryAppend(first, count, size, kind, loglet, out _);

    public AppendStatus TryAppend(long first, int count, int size, RecordKind kind, LogletId? loglet, out long end)
    {
        var payload = Encode(first, count, size);
        var status = Log.TryAppend(kind, loglet ?? Loglet, first, count, payload, useReserve: false, out end);
        payload.Release();
        Log.Kick();
        return status;
    }

    /// <summary>Appends records of <paramref name="perRecord"/> entries, each durable before the next.</summary>
    public long Append(long first, long end, int perRecord = 1, int size = 100, RecordKind kind = RecordKind.Entries, LogletId? loglet = null, bool wait = true)
    {
        long address = 0;
        for (var at = first; at < end; at += perRecord)
        {
            var count = (int)Math.Min(perRecord, end - at);
            AppendStatus status;
            while ((status = TryAppend(at, count, size, kind, loglet, out var recordEnd)) == AppendStatus.Busy || (address = recordEnd) == 0) Thread.Yield();
            Assert.That(status, Is.EqualTo(AppendStatus.Ok));
            if (wait) WaitDurable(address);
        }

        WaitDurable(address);
        return address;
    }

    public void WaitDurable(long address) => Until(() => Log.DurableAddress >= address, "durable");

    public static void Until(Func<bool> condition, string what, int seconds = 20)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed.TotalSeconds > seconds) Assert.Fail($"never {what}");
            Thread.Yield();
        }
    }

    /// <summary>Reads [first, end) and checks every payload, and its size if one is given.</summary>
    public void ReadAndCheck(long first, long end, int size = 0, int maxBytes = 1 << 20, LogletId? loglet = null)
    {
        while (first < end)
        {
            var status = Log.ReadEntries(loglet ?? Loglet, first, end, maxBytes, out var result);
            Assert.That(status, Is.EqualTo(StorageReadStatus.Ok), $"at {first}");
            first = Check(result, first, size);
        }

        Assert.That(first, Is.EqualTo(end));
    }

    public static long Check(in StorageReadResult result, long first, int size = 0)
    {
        var bytes = new byte[result.Payload!.Length];
        result.Payload.CopyTo(bytes);
        result.Payload.Release();
        var rest = bytes.AsSpan();
        for (var i = 0; i < result.Count; i++)
        {
            Assert.That(EntryCodec.TryReadHeader(rest, out var header), Is.True);
            if (size > 0) Assert.That(header.PayloadLength, Is.EqualTo(size));
            if (!rest[EntryCodec.HeaderSize..header.Size].SequenceEqual(PayloadOf(first + i, header.PayloadLength))) Assert.Fail($"wrong payload at {first + i}");
            rest = rest[header.Size..];
        }

        Assert.That(rest.Length, Is.Zero);
        return first + result.Count;
    }

    /// <summary>What a crash of the process would leave at this moment, to be mangled and opened.</summary>
    public StorageHarness CrashCopy(StorageOptions? options = null)
    {
        var copy = new StorageHarness(options ?? _options, open: false);
        using var process = Process.Start("cp", ["-r", "--sparse=always", Root + "/.", copy.Root])!;
        process.WaitForExit();
        return copy;
    }

    public void Open() => Store = LogStore.Open(Root, _options, NullLogger.Instance, TimeProvider.System, this);

    /// <summary>A clean restart.</summary>
    public async Task Restart()
    {
        await Store.DisposeAsync();
        Records.Clear();
        Unknown.Clear();
        Damage.Clear();
        Open();
    }

    public IEnumerable<string> SegmentFiles() => Directory.EnumerateFiles(Path.Combine(Root, "segments"), "*.seg", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    public static void Flip(string path, long offset, int bytes = 1)
    {
        using var file = File.Open(path, FileMode.Open);
        var buffer = new byte[bytes];
        file.Position = offset;
        file.ReadExactly(buffer);
        for (var i = 0; i < bytes; i++) buffer[i] ^= 0x5A;
        file.Position = offset;
        file.Write(buffer);
    }

    public static void Zero(string path, long offset, int bytes)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = offset;
        file.Write(new byte[bytes]);
    }

    public void OnRecord(SegmentLog log, in RecordHeader header, ReadOnlySpan<byte> payload, long address) => Records.Add(header);

    public void OnUnknownRange(SegmentLog log, LogletId loglet, long first, long endExclusive) => Unknown.Add((loglet, first, endExclusive));

    public void OnDamage(SegmentLog log, string file, long offset, long length) => Damage.Add($"{Path.GetFileName(file)}+{offset}:{length}");

    public void OnDurable(SegmentLog log, long durableAddress)
    {
        Interlocked.Increment(ref Announcements);
        Announced = durableAddress;
    }

    public void OnFailed(Exception reason) => _failures.Enqueue(reason);

    public async ValueTask DisposeAsync()
    {
        if (Store is not null) await Store.DisposeAsync();
        if (_ownsDirectory) Directory.Delete(Root, recursive: true);
    }
}
