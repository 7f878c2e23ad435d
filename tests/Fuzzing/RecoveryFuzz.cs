using Delos.Daemon.LogServers;
using Delos.Daemon.Storage;
using Delos.Protocol.Identity;
using Delos.Tests.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// Damages an image of a LogServer's disk, lets the real code recover it, and holds what it reports against what had been written: nothing is read that was not written there, nothing proven durable is
/// absent, no proven control record vanishes without a report of damage, and a second start reports no less.
/// </summary>
internal sealed class RecoveryFuzz : IDisposable
{
    private const long AllocatedAtMost = 64 << 20;
    private const int TimeAtMostMs = 10_000;

    private readonly string _directory = DiskImage.NewDirectory();
    private readonly DiskImage _image;
    private readonly LogTruth _truth;
    private readonly Dictionary<(LogletId, long), byte[]> _entries = [];

    public RecoveryFuzz(DiskImage image)
    {
        _image = image;
        _truth = new LogTruth(image, LogImages.LogDirectory);
        foreach (var record in _truth.Records.Where(r => r.Kind.HoldsEntries()))
        {
            foreach (var (position, bytes) in LogTruth.Entries(record)) _entries[(record.Loglet, position)] = bytes;
        }
    }

    public LogTruth Truth => _truth;

    /// <summary>Between the damage and the start, for the fuzzer's own mutants.</summary>
    public Action<DiskImage>? BeforeStart { get; init; }

    /// <summary>Behind the recovery, for the fuzzer's own mutants.</summary>
    public Action<Found>? AfterStart { get; init; }

    public void Run(FuzzRound round)
    {
        var damaged = _image.Clone();
        var what = ImageMutator.Mutate(round.Random, damaged, MayDelete);
        var proven = _truth.Proven(damaged);
        var whole = _truth.Records.Where(r => proven.Contains(r) && _truth.IsWhole(damaged, r)).ToHashSet();
        BeforeStart?.Invoke(damaged);
        damaged.Write(_directory);
        try
        {
            using var first = Start();
            AfterStart?.Invoke(first);
            CheckRecords(first);
            CheckControl(first, proven);
            CheckTails(first, proven);
            CheckPositions(round.Random, first, whole);
            first.Dispose();
            using var second = Start();
            CheckRecords(second);
            CheckControl(second, proven);
            CheckAgain(first, second);
            CheckPositions(round.Random, second, whole);
        }
        catch (Exception e)
        {
            throw Failed(e, what, damaged);
        }
    }

    /// <summary>Only that the start neither throws nor hangs nor eats memory, whatever the files hold: for bytes whose checksums were made to hold.</summary>
    public void RunForged(FuzzRound round, Func<FuzzRandom, DiskImage, string> forge)
    {
        var damaged = _image.Clone();
        var what = forge(round.Random, damaged);
        damaged.Write(_directory);
        try
        {
            using (var first = Start())
            {
                foreach (var (loglet, _) in first.Replicas)
                {
                    foreach (var at in new[] { 0, 1, 50, first.Tail(loglet) - 1, first.Tail(loglet) }.Where(p => p >= 0)) Read(first, loglet, at);
                }
            }

            using var second = Start();
        }
        catch (Exception e)
        {
            throw Failed(e, what, damaged);
        }
    }

    /// <summary>Keeps the damaged files: nonces are random, so the seed alone gives the same damage, but not the same bytes.</summary>
    private static FuzzFailure Failed(Exception e, string what, DiskImage damaged)
    {
        var kept = DiskImage.NewDirectory();
        damaged.Write(kept);
        return new FuzzFailure(e is FuzzFailure ? e.Message : $"{e.GetType().Name}: {e.Message}\n{e.StackTrace}", $"{what}\nfiles kept in {kept}");
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static bool MayDelete(string path) => true;

    private static void Read(Found found, LogletId loglet, long at)
    {
        found.Log!.ReadEntries(loglet, at, long.MaxValue, 4096, out var result);
        result.Payload?.Release();
    }

    private Found Start()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var found = new Found(_directory);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > AllocatedAtMost) throw new FuzzFailure($"the start allocated {allocated} bytes", "");
        if (watch.ElapsedMilliseconds > TimeAtMostMs) throw new FuzzFailure($"the start took {watch.ElapsedMilliseconds} ms", "");
        return found;
    }

    /// <summary>Nothing is reported that was not written.</summary>
    private void CheckRecords(Found found)
    {
        foreach (var (kind, loglet, first, count, payload) in found.Records)
        {
            var known = _truth.Records.Any(r => r.Kind == kind && r.Loglet == loglet && r.Header.First == first && r.Header.Count == count && (kind.HoldsEntries() || r.Payload.AsSpan().SequenceEqual(payload)));
            if (!known) throw new FuzzFailure($"a {kind} record of {loglet} at {first}+{count} is reported that was never written", "");
        }
    }

    private static void CheckControl(Found found, HashSet<LogTruth.Record> proven)
    {
        foreach (var record in proven.Where(r => found.Damage == 0 && r.Kind is RecordKind.Seal or RecordKind.Trim or RecordKind.Config))
        {
            var seen = found.Records.Any(r => r.Kind == record.Kind && r.Loglet == record.Loglet && r.First == record.Header.First && r.Payload.AsSpan().SequenceEqual(record.Payload));
            if (!seen) throw new FuzzFailure($"{record} was durable, is not reported, and no damage is", "");
        }

        foreach (var record in proven.Where(r => r.Kind == RecordKind.Seal))
        {
            if (found.Damage > 0 && !found.Records.Any(r => r.Loglet == record.Loglet)) continue;
            if (!found.Replicas.TryGetValue(record.Loglet, out var core) || (core.Seal != SealState.Sealed && !core.MayBeSealed)) throw new FuzzFailure($"the replica forgot {record}", "");
        }
    }

    private static void CheckTails(Found found, HashSet<LogTruth.Record> proven)
    {
        foreach (var group in proven.Where(r => r.Kind.HoldsEntries()).GroupBy(r => r.Loglet))
        {
            // A Loglet of which no record is left can be known only if the log is its own.
            if (group.Key != StorageHarness.Loglet && found.Damage > 0 && !found.Records.Any(r => r.Loglet == group.Key)) continue;
            var tail = group.Max(r => r.Header.End);
            if (!found.Replicas.TryGetValue(group.Key, out var core)) throw new FuzzFailure($"nothing is known of {group.Key}, whose tail {tail} was durable", "");
            if (core.DurableTail < tail && !core.HasHiddenTail) throw new FuzzFailure($"the tail of {group.Key.Low:x} is {core.DurableTail}; {tail} was durable", "");
            if (found.Tail(group.Key) < tail) throw new FuzzFailure($"the storage's end of {group.Key.Low:x} is {found.Tail(group.Key)}; {tail} was durable", "");
        }
    }

    /// <summary>Every position below the tail is what was written, or is known to be unknown; records that nothing touched can be read.</summary>
    private void CheckPositions(FuzzRandom random, Found found, HashSet<LogTruth.Record> whole)
    {
        foreach (var (loglet, core) in found.Replicas)
        {
            // A damaged copy from a peer hides what it replaced, also if that was well.
            var readable = whole.Where(r => r.Loglet == loglet && r.Kind.HoldsEntries()).ToArray();
            var touched = _truth.Records.Where(r => r.Loglet == loglet && r.Kind.HoldsEntries() && !whole.Contains(r)).ToArray();
            for (long at = 0; at < core.DurableTail;)
            {
                var status = found.Log!.ReadEntries(loglet, at, Math.Min(core.DurableTail, at + random.Between(1, 200)), 1 << 20, out var result);
                var unknown = core.Unknown.Contains(at) || found.Unknown.Any(u => u.Loglet == loglet && u.First <= at && at < u.End);
                switch (status)
                {
                    case StorageReadStatus.Trimmed when at < core.TrimPoint:
                        at = core.TrimPoint;
                        break;
                    case StorageReadStatus.Corrupt when unknown:
                        if (readable.Any(r => r.Header.First <= at && at < r.Header.End) && !touched.Any(r => r.Header.First <= at && at < r.Header.End)) throw new FuzzFailure($"position {at} of {loglet.Low:x} is called damaged, and nothing touched it", "");
                        at++;
                        break;
                    case StorageReadStatus.Ok when !unknown:
                        at = CheckEntries(loglet, at, result);
                        break;
                    default:
                        throw new FuzzFailure($"position {at} of {loglet.Low:x} below the tail {core.DurableTail} is {status}, unknown: {unknown}", "");
                }
            }
        }
    }

    private long CheckEntries(LogletId loglet, long at, in StorageReadResult result)
    {
        var bytes = new byte[result.Payload!.Length];
        result.Payload.CopyTo(bytes);
        result.Payload.Release();
        var offset = 0;
        for (var i = 0; i < result.Count; i++, at++)
        {
            if (!_entries.TryGetValue((loglet, at), out var written)) throw new FuzzFailure($"position {at} of {loglet.Low:x} is read and was never written", "");
            if (bytes.Length - offset < written.Length || !bytes.AsSpan(offset, written.Length).SequenceEqual(written)) throw new FuzzFailure($"position {at} of {loglet.Low:x} reads what was not written there", "");
            offset += written.Length;
        }

        return offset == bytes.Length ? at : throw new FuzzFailure($"{bytes.Length - offset} bytes too many were read", "");
    }

    /// <summary>What one start reported the next one must not take back.</summary>
    private static void CheckAgain(Found first, Found second)
    {
        foreach (var (loglet, core) in first.Replicas)
        {
            if (!second.Replicas.TryGetValue(loglet, out var again)) throw new FuzzFailure($"the second start does not know {loglet.Low:x}", "");
            if (again.DurableTail < core.DurableTail) throw new FuzzFailure($"the second start lowers the tail of {loglet.Low:x} from {core.DurableTail} to {again.DurableTail}", "");
            if (core.HasHiddenTail && !again.HasHiddenTail) throw new FuzzFailure($"the second start takes the hidden end of {loglet.Low:x} for a known one", "");
            if ((core.Seal == SealState.Sealed || core.MayBeSealed) && again.Seal != SealState.Sealed && !again.MayBeSealed) throw new FuzzFailure($"the second start forgot that {loglet.Low:x} may be sealed", "");
        }
    }

    /// <summary>One start, and what it told.</summary>
    internal sealed class Found : ISegmentLogVisitor, IDisposable
    {
        private readonly RecoveredReplicas _replicas = new(NullLogger.Instance);
        private readonly LogStore _store;
        private bool _disposed;

        public Found(string directory)
        {
            _store = LogStore.Open(directory, LogImages.Options, NullLogger.Instance, TimeProvider.System, this);
            foreach (var (id, _, core) in _replicas.Found) Replicas.Add(id, core);

            // The collection of garbage, which must not take evidence away.
            using var maintained = new ManualResetEventSlim();
            _store.Group.Maintenance.Post(() =>
            {
                maintained.Set();
                return true;
            });
            if (!maintained.Wait(TimeSpan.FromSeconds(20))) throw new FuzzFailure("the maintenance of the disk hangs", "");
        }

        public SegmentLog? Log => _store.Logs.SingleOrDefault();

        public List<(RecordKind Kind, LogletId Loglet, long First, int Count, byte[] Payload)> Records { get; } = [];

        public List<(LogletId Loglet, long First, long End)> Unknown { get; } = [];

        public Dictionary<LogletId, ReplicaCore> Replicas { get; } = [];

        public int Damage { get; private set; }

        /// <summary>For a mutant: as if nothing had been reported as unknown.</summary>
        public void Forget()
        {
            Unknown.Clear();
            foreach (var core in Replicas.Values) core.Unknown.Remove(0, long.MaxValue);
        }

        /// <summary>As the owner computes it from what it was told.</summary>
        public long Tail(LogletId loglet) => Math.Max(
            Records.Where(r => r.Loglet == loglet).Select(r => r.Kind.HoldsEntries() ? r.First + r.Count : r.Kind == RecordKind.Trim ? r.First : 0).DefaultIfEmpty().Max(),
            Unknown.Where(u => u.Loglet == loglet).Select(u => u.End).DefaultIfEmpty().Max());

        public void OnRecord(SegmentLog log, in RecordHeader header, ReadOnlySpan<byte> payload, long address)
        {
            Records.Add((header.Kind, header.Loglet, header.First, header.Count, payload.ToArray()));
            _replicas.OnRecord(log, header, payload, address);
        }

        public void OnUnknownRange(SegmentLog log, LogletId loglet, long first, long endExclusive)
        {
            Unknown.Add((loglet, first, endExclusive));
            _replicas.OnUnknownRange(log, loglet, first, endExclusive);
        }

        public void OnDamage(SegmentLog log, string file, long offset, long length)
        {
            Damage++;
            _replicas.OnDamage(log, file, offset, length);
        }

        public void Dispose()
        {
            if (_disposed) return;
            _disposed = true;
            var failure = _store.Group.Failure;
            _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            if (failure is not null) throw new InvalidOperationException("The disk failed.", failure);
        }
    }
}
