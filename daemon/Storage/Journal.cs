using Delos.LocalStorage;
using Delos.Protocol.Blocks;

namespace Delos.Daemon.Storage;

/// <summary>One record of a journal.</summary>
/// <param name="Kind">The owner's own numbering, 1 to 255.</param>
/// <param name="Payload">As it was appended.</param>
public readonly record struct JournalRecord(byte Kind, ReadOnlyMemory<byte> Payload);

/// <summary>
/// A small log of opaque records for state that must be durable before somebody is answered (a MetaStore acceptor, a LogServer's catalog). Replayed in order at the start; rewritten as a
/// snapshot when it has grown. Unlike a segment log it has no replica to be repaired from: damage in it is an error that says where.
/// </summary>
public sealed class Journal : RecordLog, IAsyncDisposable
{
    private readonly FileCache _cache;
    private readonly DurableWaiters _waiters = new();
    private long _bytes;

    private Journal(string directory, GroupCommit group, FileCache cache, SpareFiles? spares)
        : base(directory, group, group.Options.ForJournal(), cache, spares)
    {
        _cache = cache;
        group.Register(this);
    }

    /// <summary>Called on the I/O thread when more became durable; never block, never throw.</summary>
    public event Action<long>? Durable;

    /// <summary>The journal is long: replace it with <see cref="Rewrite"/> at the next convenient moment.</summary>
    public bool WantsRewrite => Volatile.Read(ref _bytes) > Options.JournalRewriteBytes;

    /// <summary>Opens or creates a journal and replays it. Everything replayed is durable.</summary>
    /// <exception cref="StorageCorruptException">A record that was durable is damaged; names the file and offset.</exception>
    public static Journal Open(string directory, GroupCommit group, Action<JournalRecord> replay) => Open(directory, group, spares: null, replay);

    /// <inheritdoc cref="Open(string, GroupCommit, Action{JournalRecord})"/>
    /// <param name="directory">The journal's own.</param>
    /// <param name="group">The disk.</param>
    /// <param name="spares">Whose reserve gives a file when the disk is full; null: the journal takes records then only as long as its own file has room.</param>
    /// <param name="replay">Hears each record.</param>
    internal static Journal Open(string directory, GroupCommit group, SpareFiles? spares, Action<JournalRecord> replay)
    {
        Directory.CreateDirectory(directory);
        if (System.IO.Path.GetDirectoryName(directory) is { Length: > 0 } parent) Posix.SyncDirectory(parent);
        var journal = new Journal(directory, group, new FileCache(8), spares);
        try
        {
            journal.Recover(new Replay(journal, replay), deleteBeforeBase: true);
            return journal;
        }
        catch
        {
            group.Unregister(journal);
            journal._cache.Dispose();
            throw;
        }
    }

    /// <summary>Appends a record and wakes the I/O thread. Durable when <see cref="WhenDurable"/> of its end address completes.</summary>
    public AppendStatus TryAppend(byte kind, ReadOnlySpan<byte> payload, bool useReserve, out long endAddress)
    {
        ArgumentOutOfRangeException.ThrowIfZero(kind);
        var status = Append(new RecordHeader { Kind = RecordKind.JournalRecord, First = kind }, null, payload, useReserve, out endAddress);
        if (status == AppendStatus.Ok) Kick();
        return status;
    }

    /// <summary>Completes when everything up to the address is durable; fails with the reason when the disk fails. Pooled: await it once, at once.</summary>
    public ValueTask WhenDurable(long endAddress) => _waiters.Wait(endAddress, DurableAddress, Group.Failure);

    /// <summary>
    /// Replaces the journal's whole content by a snapshot of the owner's state: written as a new generation under a temporary name, made durable, then renamed into place; the old ones are
    /// deleted after that. A crash leaves the old content or the new. Blocks until it is durable; the owner appends nothing meanwhile.
    /// </summary>
    /// <exception cref="IoException">No space: the old content stays, and the journal goes on with it. Anything else fails the disk.</exception>
    public void Rewrite(IEnumerable<JournalRecord> snapshot)
    {
        lock (CommitGate)
            lock (Gate)
            {
                var name = GenerationName.New(TakeNumber(), Options, isBase: true);
                var final = System.IO.Path.Combine(Path, name.ToString());
                var live = CreateGeneration(name, final + ".tmp", Options);
                try
                {
                    long bytes = 0;
                    foreach (var record in snapshot)
                    {
                        var header = new RecordHeader { Kind = RecordKind.JournalRecord, First = record.Kind };
                        AppendStatus status;
                        while ((status = live.TryAppend(header, null, record.Payload.Span, useReserve: false, out _, out _)) != AppendStatus.Ok)
                        {
                            if (status == AppendStatus.Busy) live.Commit();
                            else if (status == AppendStatus.NoSpace) AddFile(live);
                            else throw new InvalidOperationException($"A record of {record.Payload.Length} bytes cannot be rewritten: {status}.");
                        }

                        bytes += record.Payload.Length + RecordHeader.Size;
                    }

                    live.Commit();
                    live.Files.Tail = live.Durable;
                    Posix.Rename(live.Files.Directory, final);
                    live.Files.Directory = final;
                    Posix.SyncDirectory(Path);
                    var old = ReplaceAll(live);
                    Volatile.Write(ref _bytes, bytes);
                    Log.JournalRewritten(Group.Logger, Path, bytes);
                    Group.Maintenance.Post(() => DeleteOld(old));
                }
                catch (Exception e)
                {
                    live.Dispose();

                    // Once it has its name, the next start would drop whatever is appended to the old one.
                    if (e is not IoException { IsShortage: true } || Directory.Exists(final)) Group.Fail(e);
                    else Discard(final + ".tmp");
                    throw;
                }
            }

        Kick();
    }

    /// <summary>Closes the journal after its last commit.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Group.Failure is null) await CloseForGood().ConfigureAwait(false);
        Group.Unregister(this);
        _cache.Dispose();
    }

    private protected override void OnAppended(GenerationFiles files, in RecordHeader header, RetainedPayload? payload, ReadOnlySpan<byte> bytes) =>
        Volatile.Write(ref _bytes, _bytes + bytes.Length + RecordHeader.Size);

    private protected override void OnDurable(long durableAddress)
    {
        _waiters.Complete(durableAddress);
        Durable?.Invoke(durableAddress);
    }

    private protected override void OnFailed(Exception reason) => _waiters.Fail(reason);

    private protected override List<LogletEnd> DescribeEnds() => [];

    private void AddFile(LiveGeneration live)
    {
        live.Device.AddFile(SpareFiles.Allocate(live.Files.FilePath(live.Device.FileCount), live.Name.FileBytes, Options.Disk));
        Posix.SyncDirectory(live.Files.Directory);
    }

    private bool DeleteOld(List<GenerationFiles> old)
    {
        foreach (var files in old.Where(f => Directory.Exists(f.Directory)))
        {
            foreach (var path in Directory.EnumerateFiles(files.Directory))
            {
                var index = GenerationName.FileIndex(System.IO.Path.GetFileName(path));
                if (index >= 0) files.Forget(index);
            }

            Directory.Delete(files.Directory, recursive: true);
        }

        return true;
    }

    private sealed class Replay(Journal journal, Action<JournalRecord> replay) : IScanSink
    {
        public void OnRecord(GenerationFiles files, in RecordHeader header, ReadOnlySpan<byte> payload, bool intact)
        {
            if (!intact) OnGap(files, header.Address, LiveGeneration.RecordEnd(header.Address, header.PayloadLength));
            if (header is { Kind: RecordKind.Checkpoint, Address: LogAddress.FirstLocal }) CheckPrevious(files, header);
            if (header.Kind != RecordKind.JournalRecord) return;
            journal._bytes += payload.Length + RecordHeader.Size;
            replay(new JournalRecord((byte)header.First, payload.ToArray()));
        }

        /// <summary>Only a rewrite removes generations, and what it leaves names none before it.</summary>
        private void CheckPrevious(GenerationFiles files, in RecordHeader opening)
        {
            if (opening.Count > 0 && journal.FindGeneration((uint)opening.Count) is null) throw new StorageCorruptException(files.FilePath(0), 0, opening.First);
        }

        public void OnGap(GenerationFiles files, long start, long end) =>
            throw new StorageCorruptException(files.FilePath((int)(start >> files.Name.FileBits)), start & (files.Name.FileBytes - 1), end - start);

        public void OnEnds(IReadOnlyList<LogletEnd> ends)
        {
        }

        public List<LogletEnd> DescribeEnds() => [];
    }
}
