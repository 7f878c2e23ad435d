using Delos.Protocol.Blocks;

namespace Delos.Daemon.Storage;

/// <summary>
/// A durable log of records: immutable generations on disk plus at most one live one, which is a FasterLog.
/// <para>
/// Why generations: after a restart (or after a sealed log was closed and repair copies arrive) the log does not open the old FasterLog for writing again. Recovery scans it, cuts the torn
/// end, syncs what it found, and closes it for good with a marker that states its tail; new appends go to a new generation with a new nonce, in a directory of its own. So no recovery
/// metadata of FASTER is needed and nothing beyond the tail must be zeroed. Records that an earlier crash left behind the tail cannot come back, and what one recovery has reported can
/// never be taken for a torn end by the next.
/// </para>
/// </summary>
public abstract class RecordLog
{
    private readonly Lock _gate = new();
    private readonly Lock _commitGate = new();
    private readonly FileCache _cache;
    private readonly SpareFiles? _spares;
    private readonly List<LiveGeneration> _closing = [];
    private GenerationFiles[] _generations = [];
    private LiveGeneration? _live;
    private TaskCompletionSource _lastClosing = new();
    private uint _nextNumber = 1;
    private long _durable;
    private long _retryOpenAt;
    private int _kicked;
    private bool _closed;
    private bool _fileRequested;
    private bool _noSpace;
    private bool _waitsForFile;
    private bool _waitsForSpace;
    private bool _unproven;
    private volatile bool _announce;

    private protected RecordLog(string directory, GroupCommit group, StorageOptions options, FileCache cache, SpareFiles? spares)
    {
        _lastClosing.SetResult();
        Path = directory;
        Group = group;
        Options = options;
        _cache = cache;
        _spares = spares;
    }

    /// <summary>The log's directory.</summary>
    public string Path { get; private protected set; }

    /// <summary>Everything appended with an end address up to this is durable.</summary>
    public long DurableAddress => Volatile.Read(ref _durable);

    /// <summary>The largest payload of one record.</summary>
    public int MaxPayloadBytes => LiveGeneration.MaxPayload(Options.PageBytes);

    internal GroupCommit Group { get; }

    internal StorageOptions Options { get; }

    internal long LastCommit { get; private set; }

    internal bool NeedsCheckpoint => Volatile.Read(ref _unproven);

    /// <summary>Something was appended that is not durable yet.</summary>
    internal bool IsDirty
    {
        get
        {
            lock (_gate) return _live is { IsDirty: true } || _closing.Count > 0;
        }
    }

    private protected Lock Gate => _gate;

    /// <summary>Held by the I/O thread while it commits this log; taken before <see cref="Gate"/>.</summary>
    private protected Lock CommitGate => _commitGate;

    private protected GenerationFiles[] Generations => Volatile.Read(ref _generations);

    private protected bool IsClosed => _closed;

    /// <summary>Wakes the I/O thread; call it once after a batch of appends.</summary>
    public void Kick()
    {
        if (Interlocked.Exchange(ref _kicked, 1) == 0) Group.Kick(this);
    }

    /// <summary>Under the gate, after a record was copied into memory.</summary>
    private protected abstract void OnAppended(GenerationFiles files, in RecordHeader header, RetainedPayload? payload, ReadOnlySpan<byte> bytes);

    /// <summary>On the I/O thread.</summary>
    private protected abstract void OnDurable(long durableAddress);

    private protected abstract void OnFailed(Exception reason);

    /// <summary>Under the gate: each Loglet's end, for checkpoints and closed markers.</summary>
    private protected abstract List<LogletEnd> DescribeEnds();

    private protected AppendStatus Append(in RecordHeader template, RetainedPayload? payload, ReadOnlySpan<byte> bytes, bool useReserve, out long endAddress)
    {
        endAddress = 0;
        var length = payload?.Length ?? bytes.Length;
        if (length > MaxPayloadBytes) return AppendStatus.TooLarge;
        if (Group.Failure is not null) return AppendStatus.Failed;
        lock (_gate)
        {
            if (_closed) return AppendStatus.Closed;
            if (_live is null || (IsSmall(_live) && !useReserve))
            {
                var opened = OpenLive(useReserve);
                if (opened != AppendStatus.Ok) return opened;
            }

            var live = _live!;
            long start = 0, end = 0;
            var status = length > LiveGeneration.MaxPayload(live.Name.PageBytes)
                ? AppendStatus.NoSpace
                : live.TryAppend(template, payload, bytes, useReserve, out start, out end);
            if (status == AppendStatus.Ok)
            {
                endAddress = LogAddress.Make(live.Name.Number, end);
                if (template.Kind != RecordKind.Checkpoint)
                {
                    Volatile.Write(ref _unproven, true);
                    Group.Counters.Appended(length);
                }

                OnAppended(live.Files, template with { Address = start, PayloadLength = length }, payload, bytes);
                if (live.Device.AllocatedEnd - end <= live.Name.FileBytes / 2) RequestFile(live);
                return AppendStatus.Ok;
            }

            // Whoever was turned away hears of the next chance, even if nothing else becomes durable.
            if (status == AppendStatus.NoSpace)
            {
                RequestFile(live);
                _waitsForFile = true;
                if (!_noSpace && !IsSmall(live)) status = AppendStatus.Busy;
            }
            else
            {
                _announce = true;
            }

            Kick();
            return status;
        }
    }

    /// <summary>The I/O thread's part of a round.</summary>
    internal void RunCommit()
    {
        Volatile.Write(ref _kicked, 0);
        bool advanced;
        lock (_commitGate) advanced = CommitAll();
        if (advanced) LastCommit = Group.Time.GetTimestamp();
        if (!advanced && !_announce) return;
        _announce = false;
        OnDurable(DurableAddress);
    }

    internal void Fail(Exception reason)
    {
        OnFailed(reason);
        AbandonClosing();
    }

    /// <summary>Appends a checkpoint if everything is durable; if not, a commit is under way and a later pass comes by.</summary>
    internal void WriteCheckpoint()
    {
        lock (_gate)
        {
            if (_closed || _live is not { IsDirty: false } live || IsSmall(live)) return;
            var ends = LogletEnd.Encode(DescribeEnds(), []);
            if (Append(new RecordHeader { Kind = RecordKind.Checkpoint }, null, ends, useReserve: false, out _) != AppendStatus.Ok) return;
            Volatile.Write(ref _unproven, false);
        }

        Kick();
    }

    /// <summary>Ends the live generation after its last commit; the task ends when its marker is on disk and its memory given up.</summary>
    private protected Task CloseLive()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_live is { } live)
            {
                live.Closed = done;
                live.EndsAtClose = DescribeEnds();
                _closing.Add(live);
                _live = null;
                Volatile.Write(ref _unproven, false);
            }
            else
            {
                return _lastClosing.Task;
            }

            _lastClosing = done;
        }

        Kick();
        if (Group.Failure is not null) AbandonClosing();
        return done.Task;
    }

    /// <summary>No append from now on.</summary>
    private protected Task CloseForGood()
    {
        lock (_gate) _closed = true;
        return CloseLive();
    }

    private protected GenerationFiles? FindGeneration(uint number)
    {
        foreach (var generation in Generations)
        {
            if (generation.Name.Number == number) return generation;
        }

        return null;
    }

    private protected bool IsLive(GenerationFiles files) => _live?.Files == files || _closing.Exists(g => g.Files == files);

    private protected int LiveFileCount(GenerationFiles files) => (int)(files.Tail >> files.Name.FileBits);

    /// <summary>Under the gate.</summary>
    private protected void RemoveGeneration(GenerationFiles files) => Volatile.Write(ref _generations, [.. Generations.Where(g => g != files)]);

    /// <summary>Scans what is on disk, cuts torn ends, makes the rest durable and closes it. Before any append.</summary>
    private protected void Recover(IScanSink sink, bool deleteBeforeBase)
    {
        var found = new List<GenerationName>();
        foreach (var path in Directory.EnumerateDirectories(Path))
        {
            var name = System.IO.Path.GetFileName(path);
            if (GenerationName.TryParse(name, out var generation)) found.Add(generation);
            else if (name.EndsWith(".tmp", StringComparison.Ordinal)) Directory.Delete(path, recursive: true);
        }

        found.Sort((a, b) => a.Number.CompareTo(b.Number));
        var baseIndex = found.FindLastIndex(g => g.IsBase);
        for (var i = 0; deleteBeforeBase && i < baseIndex; i++) Directory.Delete(System.IO.Path.Combine(Path, found[i].ToString()), recursive: true);
        foreach (var name in found.Skip(Math.Max(0, deleteBeforeBase ? baseIndex : 0)))
        {
            _nextNumber = name.Number + 1;
            var files = new GenerationFiles(System.IO.Path.Combine(Path, name.ToString()), name, _cache, Options.Disk);
            if (GenerationRecovery.Run(files, sink, DescribeEnds, Options, Group.Logger)) _generations = [.. _generations, files];
            else Directory.Delete(files.Directory, recursive: true);
        }

        if (_generations.Length > 0) _durable = LogAddress.Make(_generations[^1].Name.Number, _generations[^1].Tail);
    }

    /// <summary>Makes a new live generation of <paramref name="directory"/>'s files; under the gate. Throws IoException.</summary>
    private protected LiveGeneration CreateGeneration(GenerationName name, string directory, StorageOptions options)
    {
        var files = new GenerationFiles(directory, name, _cache, Options.Disk);
        try
        {
            Posix.MakeDirectory(Path, syncParent: true);
            Posix.MakeDirectory(directory, syncParent: false);
            var live = new LiveGeneration(files, options);
            try
            {
                live.Device.AddFile(CreateFile(files.FilePath(0), name.FileBytes));
                Posix.SyncDirectory(directory);
                Posix.SyncDirectory(Path);
                return live;
            }
            catch
            {
                live.Dispose();
                throw;
            }
        }
        catch (IoException)
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            throw;
        }
    }

    private protected void InstallLive(LiveGeneration live)
    {
        Volatile.Write(ref _generations, [.. _generations, live.Files]);
        _live = live;
        _noSpace = false;
        _fileRequested = false;
    }

    /// <summary>Makes a generation that was written aside the only one; under both gates. Returns the former ones.</summary>
    private protected List<GenerationFiles> ReplaceAll(LiveGeneration live)
    {
        var old = Generations.ToList();
        var writers = _closing.ToList();
        if (_live is not null) writers.Add(_live);
        _closing.Clear();
        Volatile.Write(ref _generations, []);
        InstallLive(live);
        Volatile.Write(ref _durable, LogAddress.Make(live.Name.Number, live.Durable));
        _announce = true;
        foreach (var writer in writers)
        {
            writer.Dispose();
            writer.Closed?.TrySetResult();
        }

        return old;
    }

    private protected uint TakeNumber() => _nextNumber++;

    private static bool IsSmall(LiveGeneration live) => live.Name.FileBytes == SpareFiles.SmallFileBytes;

    private AppendStatus OpenLive(bool useReserve)
    {
        var now = Group.Time.GetTimestamp();
        try
        {
            if (now < _retryOpenAt && !useReserve)
            {
                AnnounceLater();
                return AppendStatus.NoSpace;
            }

            var name = GenerationName.New(TakeNumber(), Options);
            var live = CreateGeneration(name, System.IO.Path.Combine(Path, name.ToString()), Options);
            if (_live is { } small)
            {
                small.EndsAtClose = DescribeEnds();
                _closing.Add(small);
            }

            InstallLive(live);
            return AppendStatus.Ok;
        }
        catch (IoException e) when (e.IsNoSpace)
        {
            _retryOpenAt = now + (long)(Options.SpaceRetry.TotalSeconds * Group.Time.TimestampFrequency);
            Log.NoSpace(Group.Logger, Path);
            AnnounceLater();
            return useReserve ? OpenSmall() : AppendStatus.NoSpace;
        }
        catch (IOException e)
        {
            Group.Fail(e);
            return AppendStatus.Failed;
        }
    }

    /// <summary>A full disk must still take a seal (DESIGN §3, LogServer rule 2): a generation of one small file, from the reserve.</summary>
    private AppendStatus OpenSmall()
    {
        var options = Options with { SegmentFileBytes = SpareFiles.SmallFileBytes, PageBytes = SpareFiles.SmallFileBytes, PageMemoryBytes = 4 * SpareFiles.SmallFileBytes, ReserveBytes = 0 };
        try
        {
            while (_spares?.ReleaseReserve() == true)
            {
                try
                {
                    var name = GenerationName.New(TakeNumber(), options);
                    InstallLive(CreateGeneration(name, System.IO.Path.Combine(Path, name.ToString()), options));
                    return AppendStatus.Ok;
                }
                catch (IoException e) when (e.IsNoSpace)
                {
                    // Somebody else took what was given up: the next piece, while there is one.
                }
            }

            return AppendStatus.NoSpace;
        }
        catch (IOException e)
        {
            Group.Fail(e);
            return AppendStatus.Failed;
        }
    }

    private Microsoft.Win32.SafeHandles.SafeFileHandle CreateFile(string path, int fileBytes) =>
        _spares?.Create(path, fileBytes) ?? SpareFiles.Allocate(path, fileBytes, Options.Disk);

    private bool CommitAll()
    {
        LiveGeneration? live;
        LiveGeneration[] closing = [];
        lock (_gate)
        {
            live = _live;
            if (_closing.Count > 0)
            {
                closing = [.. _closing];
                _closing.Clear();
            }
        }

        var advanced = false;
        foreach (var generation in closing)
        {
            advanced |= CommitGeneration(generation);
            FinishClosing(generation);
        }

        return live is not null ? CommitGeneration(live) | advanced : advanced;
    }

    private bool CommitGeneration(LiveGeneration generation)
    {
        if (!generation.Commit()) return false;
        generation.Files.Tail = generation.Durable;
        generation.Device.CloseFilesBelow((int)(generation.Durable >> generation.Name.FileBits));
        Volatile.Write(ref _durable, LogAddress.Make(generation.Name.Number, generation.Durable));
        return true;
    }

    private void FinishClosing(LiveGeneration generation) => Group.Maintenance.Post(() =>
    {
        try
        {
            GenerationRecovery.Close(generation, Options, Group.Logger);
            if (generation.Durable == LogAddress.FirstLocal)
            {
                lock (_gate) RemoveGeneration(generation.Files);
            }

            return true;
        }
        finally
        {
            generation.Closed?.TrySetResult();
        }
    });

    /// <summary>The disk failed: nobody waits for a generation to be closed.</summary>
    private void AbandonClosing()
    {
        lock (_gate)
        {
            foreach (var generation in _closing) generation.Closed?.TrySetResult();
            _lastClosing.TrySetResult();
        }
    }

    /// <summary>Asks for the next file ahead of need; under the gate. A small generation never grows.</summary>
    private void RequestFile(LiveGeneration live)
    {
        if (_fileRequested || IsSmall(live)) return;
        _fileRequested = true;
        PostAddFile(live);
    }

    private void PostAddFile(LiveGeneration live) => Group.Maintenance.Post(() => AddFile(live));

    private bool AddFile(LiveGeneration live)
    {
        lock (_gate)
        {
            if (_live != live) return true;
        }

        // Files of one generation are added by this thread only, so the count stands.
        var index = live.Device.FileCount;
        try
        {
            var file = CreateFile(live.Files.FilePath(index), live.Name.FileBytes);
            Posix.SyncDirectory(live.Files.Directory);
            live.Device.AddFile(file);
        }
        catch (IoException e) when (e.IsNoSpace)
        {
            lock (_gate)
            {
                if (!_noSpace) Log.NoSpace(Group.Logger, Path);
                _noSpace = true;
            }

            return false;
        }

        lock (_gate)
        {
            if (_noSpace) Log.SpaceReturned(Group.Logger, Path);
            _noSpace = false;
            if (_live == live) _fileRequested = false;
            if (!_waitsForFile) return true;
            _waitsForFile = false;
            _announce = true;
        }

        Kick();
        return true;
    }

    /// <summary>Nothing is written that could be announced while a log cannot even be opened: tells the listener after a while that it may try again.</summary>
    private void AnnounceLater()
    {
        if (_waitsForSpace) return;
        _waitsForSpace = true;
        var waited = false;
        Group.Maintenance.Post(() =>
        {
            if (!waited)
            {
                waited = true;
                return false;
            }

            lock (_gate) _waitsForSpace = false;
            _announce = true;
            Kick();
            return true;
        });
    }
}
