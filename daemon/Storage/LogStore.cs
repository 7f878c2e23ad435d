using System.Globalization;
using Delos.LocalStorage;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Storage;

/// <summary>
/// All segment logs of one LogServer, and its catalog journal, on one disk:
/// <code>
/// catalog/                      Journal: what the owner must remember beyond its logs (tombstones)
/// segments/[group]/g…/          SegmentLog of a storage group, its generations and their files
/// segments/[group]/member-…     empty: a Loglet of the group, if its id is another
/// spares/                       zeroed files kept ready, and the reserve for a full disk
/// trash/                        deleted logs on their way out
/// </code>
/// </summary>
public sealed class LogStore : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<LogletId, SegmentLog> _logs = [];
    private readonly HashSet<LogletId> _leaving = [];
    private readonly FileCache _cache;
    private readonly SpareFiles _spares;
    private readonly string _directory;
    private readonly bool _ownsGroup;
    private int _trash;

    private LogStore(string directory, GroupCommit group, bool ownsGroup)
    {
        _directory = directory;
        _ownsGroup = ownsGroup;
        Group = group;
        _cache = new FileCache(group.Options.MaxOpenFiles);
        foreach (var name in new[] { "segments", "trash" }) Directory.CreateDirectory(Path.Combine(directory, name));
        _spares = new SpareFiles(Path.Combine(directory, "spares"), group.Options, group.Maintenance);
        Posix.SyncDirectory(directory);
    }

    /// <summary>The disk's I/O thread; several stores and journals on one disk share it.</summary>
    public GroupCommit Group { get; }

    /// <summary>After every commit round, on the I/O thread: flush connections here.</summary>
    public event Action? OnCommitRoundEnd
    {
        add => Group.RoundEnded += value;
        remove => Group.RoundEnded -= value;
    }

    /// <summary>The logs there are now.</summary>
    public IReadOnlyList<SegmentLog> Logs
    {
        get
        {
            lock (_lock) return [.. _logs.Values.OrderBy(l => l.Id)];
        }
    }

    /// <summary>Bytes that the disk has free for us.</summary>
    public long FreeBytes => new DriveInfo(_directory).AvailableFreeSpace;

    /// <summary>Opens a store with a disk of its own.</summary>
    /// <inheritdoc cref="Open(string, GroupCommit, ISegmentLogVisitor)"/>
    public static LogStore Open(string directory, StorageOptions options, ILogger logger, TimeProvider time, ISegmentLogVisitor visitor)
    {
        var group = new GroupCommit(options, logger, time);
        try
        {
            return Open(directory, group, visitor, ownsGroup: true);
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Recovers every log found under the directory; the visitor hears what each held. All of it is durable when this returns.</summary>
    public static LogStore Open(string directory, GroupCommit group, ISegmentLogVisitor visitor) => Open(directory, group, visitor, ownsGroup: false);

    /// <summary>Opens the catalog, a journal in the store's directory. The caller disposes it, before the store.</summary>
    /// <exception cref="StorageCorruptException">It is damaged.</exception>
    public Journal OpenCatalog(Action<JournalRecord> replay) => Journal.Open(Path.Combine(_directory, "catalog"), Group, _spares, replay);

    /// <summary>The log of a storage group, if there is one.</summary>
    public SegmentLog? Find(LogletId group)
    {
        lock (_lock) return _logs.GetValueOrDefault(group);
    }

    /// <summary>The log of a storage group. A new one is there after a restart once something of it was durable. Null: a former one is just being deleted.</summary>
    public SegmentLog? TryGetOrCreate(LogletId group)
    {
        lock (_lock)
        {
            if (_logs.TryGetValue(group, out var log)) return log;
            if (_leaving.Contains(group)) return null;
            log = new SegmentLog(group, Path.Combine(_directory, "segments", group.ToString()), Group, Group.Options, _cache, _spares);
            _logs.Add(group, log);
            return log;
        }
    }

    /// <summary>Deletes a log with all its files. The deletion is durable when the task ends; keep tombstones elsewhere first.</summary>
    public async Task Delete(LogletId group)
    {
        SegmentLog? log;
        lock (_lock)
        {
            if (!_logs.Remove(group, out log)) return;
            _leaving.Add(group);
        }

        try
        {
            await log.ShutDown().ConfigureAwait(false);

            // On the thread that collects garbage: a pass that finds its files gone would take that for a failure of the disk.
            await OnMaintenanceAsync(() =>
            {
                log.Forget();
                if (Directory.Exists(log.Path)) MoveToTrash(log);
            }).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _leaving.Remove(group);
        }
    }

    /// <summary>Closes every log after its last commit, so that the next start finds closed generations.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Group.Failure is null) await Task.WhenAll(Logs.Select(l => l.ShutDown())).ConfigureAwait(false);
        if (_ownsGroup) Group.Dispose();
        _cache.Dispose();
    }

    private Task OnMaintenanceAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Group.Maintenance.Post(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }

            return true;
        });
        return done.Task;
    }

    private void MoveToTrash(SegmentLog log)
    {
        var trash = Path.Combine(_directory, "trash", string.Create(CultureInfo.InvariantCulture, $"{log.Id}-{Interlocked.Increment(ref _trash)}"));
        Posix.Rename(log.Path, trash);
        Posix.SyncDirectory(Path.Combine(_directory, "segments"));
        Posix.SyncDirectory(Path.Combine(_directory, "trash"));
        Group.Maintenance.Post(() =>
        {
            Directory.Delete(trash, recursive: true);
            return true;
        });
    }

    private static LogStore Open(string directory, GroupCommit group, ISegmentLogVisitor visitor, bool ownsGroup)
    {
        Directory.CreateDirectory(directory);
        var store = new LogStore(directory, group, ownsGroup);
        foreach (var old in Directory.EnumerateDirectories(Path.Combine(directory, "trash"))) Directory.Delete(old, recursive: true);
        foreach (var path in Directory.EnumerateDirectories(Path.Combine(directory, "segments")).Order(StringComparer.Ordinal))
        {
            if (!LogletId.TryParse(Path.GetFileName(path), out var id)) continue;
            var log = new SegmentLog(id, path, group, group.Options, store._cache, store._spares);
            log.Recover(visitor);
            if (log.HoldsSomething)
            {
                store._logs.Add(id, log);
                continue;
            }

            group.Unregister(log);
            Directory.Delete(path, recursive: true);
        }

        return store;
    }
}
