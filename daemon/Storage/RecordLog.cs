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
public abstract partial class RecordLog
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

    /// <summary>On the maintenance thread.</summary>
    private protected virtual void OnGenerationClosed()
    {
    }

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

            var status = AppendTo(_live!, template, payload, bytes, useReserve, out var start, out var end);
            if (status == AppendStatus.NoSpace && useReserve && length <= SpareFiles.SmallFileBytes / 2 && (_noSpace || IsSmall(_live!)) && OpenLive(useReserve) == AppendStatus.Ok)
            {
                // What was kept in this file for control records is used up: the disk's reserve gives another one (DESIGN §3, LogServer rule 2).
                status = AppendTo(_live!, template, payload, bytes, useReserve, out start, out end);
            }

            var live = _live!;
            if (status == AppendStatus.Ok)
            {
                endAddress = LogAddress.Make(live.Name.Number, end);
                if (template.Kind != RecordKind.Checkpoint)
                {
                    Volatile.Write(ref _unproven, true);
                    Group.Counters.Appended(length);
                }

                OnAppended(live.Files, template with { Address = start, PayloadLength = length }, payload, bytes);

                // When a quarter is written: who writes little has one file, and who writes much the next one in time.
                if (live.Device.AllocatedEnd - end <= live.Name.FileBytes / 4 * 3) RequestFile(live);
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

    private static AppendStatus AppendTo(
        LiveGeneration live, in RecordHeader template, RetainedPayload? payload, ReadOnlySpan<byte> bytes, bool useReserve, out long start, out long end)
    {
        (start, end) = (0, 0);
        if ((payload?.Length ?? bytes.Length) > LiveGeneration.MaxPayload(live.Name.PageBytes)) return AppendStatus.NoSpace;
        return live.TryAppend(template, payload, bytes, useReserve, out start, out end);
    }

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
}
