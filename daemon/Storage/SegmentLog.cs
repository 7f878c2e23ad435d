using Delos.LocalStorage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>
/// The records of one storage group: one Loglet, or the stripes of a striped one, which so share commits. It knows records and positions, not the protocol.
/// Appends may come from several threads, but the order of two appends is the order in which they got the log's lock: whoever needs an order holds a lock of his own.
/// Reads run in parallel with everything. See <see cref="RecordLog"/> for how it lies on disk.
/// </summary>
public sealed class SegmentLog : RecordLog
{
    private const string MemberPrefix = "member-";
    private readonly Lock _indexLock = new();
    private readonly Dictionary<LogletId, LogletIndex> _index = [];
    private readonly Dictionary<(LogletId Loglet, RecordKind Kind), ControlRecord> _control = [];
    private LogletId[] _members = [];
    private ISegmentLogListener? _listener;
    private long _collectAfter = long.MaxValue;
    private bool _hasFailed;
    private bool _collectWhenClosed;

    internal SegmentLog(LogletId id, string directory, GroupCommit group, StorageOptions options, FileCache cache, SpareFiles spares)
        : base(directory, group, options, cache, spares)
    {
        Id = id;
        group.Register(this);
    }

    /// <summary>The storage group.</summary>
    public LogletId Id { get; }

    /// <summary>The Loglets that may have records here, as far as is known without reading any: damage may have taken all that there was of one.</summary>
    public IReadOnlyList<LogletId> Members => Volatile.Read(ref _members) is { Length: > 0 } members ? members : [Id];

    /// <summary>
    /// Says that a Loglet of another id than the log's will have records here, before its first one. An empty file says so, whose name is durable when the first record is, so that a start which
    /// finds nothing but damage knows what it is that it lacks.
    /// </summary>
    /// <exception cref="IoException">The disk is full, or failed.</exception>
    public void AddMember(LogletId loglet)
    {
        lock (Gate)
        {
            if (_members.Contains(loglet)) return;
            Posix.MakeDirectory(Path);
            Posix.Open(System.IO.Path.Combine(Path, MemberPrefix + loglet), Posix.O_RDWR | Posix.O_CREAT).Dispose();

            // The first generation syncs it on its way.
            if (Generations.Length > 0) Posix.SyncDirectory(Path);
            Volatile.Write(ref _members, [.. _members, loglet]);
        }
    }

    /// <summary>Set it before the first append; one that comes after a failure is told at once.</summary>
    public ISegmentLogListener? Listener
    {
        get => _listener;
        set
        {
            bool failed;
            lock (Gate)
            {
                _listener = value;
                failed = _hasFailed;
            }

            if (failed && Group.Failure is { } reason) value?.OnFailed(reason);
        }
    }

    /// <summary>Copies a record into the log's memory. Takes no reference of the payload: it is the caller's again when this returns. Opening a log's first file takes about a millisecond.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="loglet">Whose it is.</param>
    /// <param name="first">Position of the first entry.</param>
    /// <param name="count">Entries in the payload; 0 for control records.</param>
    /// <param name="payload">At most <see cref="RecordLog.MaxPayloadBytes"/>.</param>
    /// <param name="useReserve">May take the space that a full disk keeps for seals.</param>
    /// <param name="endAddress">Durable when <see cref="RecordLog.DurableAddress"/> has reached it.</param>
    public AppendStatus TryAppend(RecordKind kind, LogletId loglet, long first, int count, RetainedPayload? payload, bool useReserve, out long endAddress) =>
        Append(new RecordHeader { Kind = kind, Loglet = loglet, First = first, Count = count }, payload, default, useReserve, out endAddress);

    /// <inheritdoc cref="TryAppend(RecordKind, LogletId, long, int, RetainedPayload?, bool, out long)"/>
    public AppendStatus TryAppend(RecordKind kind, LogletId loglet, long first, ReadOnlySpan<byte> payload, bool useReserve, out long endAddress) =>
        Append(new RecordHeader { Kind = kind, Loglet = loglet, First = first }, null, payload, useReserve, out endAddress);

    /// <summary>
    /// Appends a <see cref="RecordKind.Trim"/> record without a payload. When it is durable, reads below answer "trimmed", and files that hold nothing more of use are deleted in the background.
    /// A Trim record that is appended with <see cref="TryAppend(RecordKind, LogletId, long, ReadOnlySpan{byte}, bool, out long)"/> has the same effect.
    /// </summary>
    public AppendStatus Trim(LogletId loglet, long position, out long endAddress)
    {
        var status = TryAppend(RecordKind.Trim, loglet, position, [], useReserve: true, out endAddress);
        Kick();
        return status;
    }

    /// <summary>
    /// Closes the log's FasterLog after its last commit and gives up its memory; the files are immutable from then on. The log stays readable, and a later append (a repair copy) opens a
    /// new generation. The task ends when that is on disk.
    /// </summary>
    public Task CloseForWriting() => CloseLive();

    /// <summary>
    /// Whole entries of one Loglet, back to back, from exactly <paramref name="first"/> on; only what is durable. At least one entry, even if it is larger than <paramref name="maxBytes"/>.
    /// The caller owns the result's payload. Blocks the calling thread on the disk if the bytes are not in the page cache.
    /// </summary>
    /// <param name="loglet">Whose entries.</param>
    /// <param name="first">First position.</param>
    /// <param name="limitExclusive">Read no further; the reader's bound (DESIGN §3, LogServer rule 4).</param>
    /// <param name="maxBytes">Bytes of entries to return at most, beyond the first.</param>
    /// <param name="result">What was found.</param>
    public StorageReadStatus ReadEntries(LogletId loglet, long first, long limitExclusive, int maxBytes, out StorageReadResult result)
    {
        result = default;
        if (first >= limitExclusive) return StorageReadStatus.NotHeld;
        for (var attempt = 0; ; attempt++)
        {
            LogletIndex.Place place;
            lock (_indexLock)
            {
                if (!_index.TryGetValue(loglet, out var index)) return StorageReadStatus.NotHeld;
                var found = index.Find(first, out place);
                if (found == StorageReadStatus.Corrupt) result = new StorageReadResult { UnknownFirst = first, UnknownEnd = place.Stop };
                if (found != StorageReadStatus.Ok) return found;
            }

            if (FindGeneration(LogAddress.Generation(place.Address)) is not { } files) return StorageReadStatus.Trimmed;
            try
            {
                var reader = new EntryReader(files, loglet);
                var status = reader.Read(place, first, limitExclusive, maxBytes, out result);
                return Conclude(loglet, files, place, status, ref result, reader.Position, reader.ResumeAddress, reader.ResumeOffset);
            }
            catch (IOException) when (attempt == 0)
            {
                // A trim may have deleted the file between the look into the index and the read: look again.
            }
            catch (IOException e)
            {
                result = new StorageReadResult { Error = e };
                return StorageReadStatus.Failed;
            }
        }
    }

    /// <summary>The damaged ranges of a Loglet that no repair has covered.</summary>
    public IReadOnlyList<(long First, long EndExclusive)> UnknownRanges(LogletId loglet)
    {
        lock (_indexLock) return _index.TryGetValue(loglet, out var index) ? [.. index.Unknown] : [];
    }

    /// <summary>Ends a range without an end (see <see cref="ISegmentLogVisitor.OnUnknownRange"/>): the peers have told that nothing was stored from this position on.</summary>
    public void EndUnknownAt(LogletId loglet, long position)
    {
        lock (_indexLock)
        {
            if (_index.TryGetValue(loglet, out var index)) index.EndUnknownAt(position);
        }
    }

    /// <summary>The position after the last one held of a Loglet, durable or not yet.</summary>
    public long EndOf(LogletId loglet)
    {
        lock (_indexLock) return _index.TryGetValue(loglet, out var index) ? index.End : 0;
    }

    internal void Recover(ISegmentLogVisitor visitor)
    {
        _members = [.. FindMembers()];
        var recovery = new SegmentLogRecovery(this, visitor);
        Recover(recovery, deleteBeforeBase: false);
        recovery.Finish();
        lock (_indexLock)
        {
            _collectAfter = 0;
        }

        Group.Maintenance.Post(CollectGarbage);
    }

    private IEnumerable<LogletId> FindMembers()
    {
        foreach (var path in Directory.EnumerateFiles(Path, MemberPrefix + "*"))
        {
            if (LogletId.TryParse(System.IO.Path.GetFileName(path)[MemberPrefix.Length..], out var id)) yield return id;
        }
    }

    /// <summary>There is a generation on disk.</summary>
    internal bool HoldsSomething => Generations.Length > 0;

    /// <summary>Some generation begins with a later file than its first.</summary>
    internal bool HasLostFiles => Array.Exists(Generations, g => g.FirstFile > 0);

    /// <summary>Closes the log for good: no append from now on. Reads go on.</summary>
    internal async Task ShutDown()
    {
        await CloseForGood().ConfigureAwait(false);
        Group.Unregister(this);
    }

    internal void Forget()
    {
        foreach (var files in Generations)
        {
            foreach (var path in Directory.EnumerateFiles(files.Directory))
            {
                var index = GenerationName.FileIndex(System.IO.Path.GetFileName(path));
                if (index < 0) continue;
                files.Forget(index);
                Group.Counters.Freed(new FileInfo(path).Length);
            }
        }
    }

    internal LogletIndex IndexOf(LogletId loglet)
    {
        if (_index.TryGetValue(loglet, out var index)) return index;
        index = new LogletIndex(Options.IndexBytes);
        _index.Add(loglet, index);
        return index;
    }

    internal IReadOnlyDictionary<LogletId, LogletIndex> Indexes => _index;

    /// <summary>Puts a record into the index, as recovery finds it or as it is appended.</summary>
    internal void Note(GenerationFiles files, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var address = LogAddress.Make(files.Name.Number, header.Address);
        lock (_indexLock)
        {
            if (header.Kind.HoldsEntries())
            {
                IndexOf(header.Loglet).Add(header.First, header.End, address);
                files.Note(header.Address, header.Loglet, header.End);
            }
            else if (header.Kind != RecordKind.Checkpoint)
            {
                _control[(header.Loglet, header.Kind)] = new ControlRecord(header.First, address, payload.ToArray());
            }
        }
    }

    private protected override void OnAppended(GenerationFiles files, in RecordHeader header, RetainedPayload? payload, ReadOnlySpan<byte> bytes)
    {
        var control = !header.Kind.HoldsEntries() && header.Kind != RecordKind.Checkpoint;
        if (control && payload is not null)
        {
            var copy = new byte[payload.Length];
            payload.CopyTo(copy);
            bytes = copy;
        }

        Note(files, header, bytes);
        if (control) Volatile.Write(ref _collectAfter, LogAddress.Make(files.Name.Number, header.Address));
    }

    private protected override void OnDurable(long durableAddress)
    {
        // Only what was read is reset: an appender may have noted a later record meanwhile.
        if (Volatile.Read(ref _collectAfter) is var after && durableAddress > after)
        {
            Interlocked.CompareExchange(ref _collectAfter, long.MaxValue, after);
            ApplyTrims(durableAddress);
            Group.Maintenance.Post(CollectGarbage);
        }

        _listener?.OnDurable(this, durableAddress);
    }

    private protected override void OnFailed(Exception reason)
    {
        ISegmentLogListener? listener;
        lock (Gate)
        {
            _hasFailed = true;
            listener = _listener;
        }

        listener?.OnFailed(reason);
    }

    private protected override void OnGenerationClosed()
    {
        if (!_collectWhenClosed) return;
        _collectWhenClosed = false;
        CollectGarbage();
    }

    private protected override List<LogletEnd> DescribeEnds()
    {
        lock (_indexLock) return [.. _index.Where(i => !i.Value.IsEndHidden).Select(i => new LogletEnd(i.Key, i.Value.End)).OrderBy(e => e.Loglet)];
    }

    private StorageReadStatus Conclude(
        LogletId loglet, GenerationFiles files, in LogletIndex.Place place, StorageReadStatus status, ref StorageReadResult result, long position, long resumeAddress, int resumeOffset)
    {
        lock (_indexLock)
        {
            var index = _index[loglet];
            if (status == StorageReadStatus.Ok)
            {
                if (resumeAddress != 0) index.Remember(position, resumeAddress, resumeOffset);
                return status;
            }

            // What is appended and not durable yet looks like a lost record.
            if (status != StorageReadStatus.Corrupt || (FindGeneration(files.Name.Number) == files && LogAddress.Local(place.Address) >= files.Tail)) return StorageReadStatus.NotHeld;
            if (index.TrimPoint > result.UnknownFirst) return StorageReadStatus.Trimmed;
            index.AddUnknown(result.UnknownFirst, result.UnknownEnd);
        }

        Group.Counters.Damaged();
        Log.DamageFound(Group.Logger, files.Directory, LogAddress.Local(place.Address), loglet.ToString(), result.UnknownFirst, result.UnknownEnd);
        return status;
    }

    private void ApplyTrims(long durableAddress)
    {
        lock (_indexLock)
        {
            foreach (var ((loglet, kind), record) in _control)
            {
                if (kind == RecordKind.Trim && record.Address < durableAddress) IndexOf(loglet).Trim(record.First);
            }
        }
    }

    /// <summary>On the maintenance thread: deletes files that hold nothing above the trim points, after the control records in them were written anew.</summary>
    private bool CollectGarbage()
    {
        if (IsClosed || Group.Failure is not null) return true;
        ApplyTrims(DurableAddress);
        foreach (var files in Generations)
        {
            var open = files.IsOpen;
            if (open)
            {
                // Its last file and its directory may be needed by the closing that is queued behind this pass.
                lock (Gate) _collectWhenClosed |= !IsLive(files);
            }

            var upTo = open ? LiveFileCount(files) : (int)(Math.Max(0, files.Tail - 1) >> files.Name.FileBits) + 1;
            int count;
            bool hasEntries;
            lock (_indexLock) count = files.CountTrimmed(upTo, l => _index.TryGetValue(l, out var index) ? index.TrimPoint : 0, out hasEntries);
            if (count == 0 || KeepsControlRecords(files, files.FirstFile + count, move: hasEntries)) continue;
            DeleteFiles(files, files.FirstFile + count, all: !open && files.FirstFile + count == upTo);
        }

        return true;
    }

    /// <summary>
    /// True: the files hold control records that count. Written anew when that frees entries (the files may go when those are durable); a few bytes of control records alone stay where they are.
    /// </summary>
    private bool KeepsControlRecords(GenerationFiles files, int endFile, bool move)
    {
        var any = false;
        var limit = LogAddress.Make(files.Name.Number, (long)endFile << files.Name.FileBits);
        var start = LogAddress.Make(files.Name.Number, 0);
        lock (Gate)
        {
            List<KeyValuePair<(LogletId Loglet, RecordKind Kind), ControlRecord>> inside;
            lock (_indexLock)
            {
                // One that was written anew counts only once it is durable: until then the former, maybe in these files, is all that a crash leaves. Another pass follows the commit.
                if (_control.Values.Any(c => c.Address >= DurableAddress)) return true;
                inside = [.. _control.Where(c => c.Value.Address >= start && c.Value.Address < limit)];
            }

            foreach (var (key, record) in inside)
            {
                any = true;
                if (!move) return true;
                if (TryAppend(key.Kind, key.Loglet, record.First, record.Payload, useReserve: true, out _) != AppendStatus.Ok) break;
            }
        }

        if (any) Kick();
        return any;
    }

    private void DeleteFiles(GenerationFiles files, int endFile, bool all)
    {
        if (all)
        {
            lock (Gate) RemoveGeneration(files);
        }

        long freed = 0;
        var first = files.FirstFile;
        for (var index = first; index < endFile; index++)
        {
            var path = files.FilePath(index);
            if (!File.Exists(path)) continue;
            freed += new FileInfo(path).Length;
            if (!all) File.Delete(path);
        }

        files.FirstFile = endFile;
        if (all)
        {
            // A marker that a crash left without its files would be taken for damage.
            Posix.Rename(files.Directory, files.Directory + ".tmp");
            Directory.Delete(files.Directory + ".tmp", recursive: true);
        }

        // At the end: a reader cannot open them any more, and an open handle would keep the space.
        for (var index = first; index < endFile; index++) files.Forget(index);
        Group.Counters.Freed(freed);
        Log.TrimFreed(Group.Logger, Path, freed);
    }

    private readonly record struct ControlRecord(long First, long Address, byte[] Payload);
}
