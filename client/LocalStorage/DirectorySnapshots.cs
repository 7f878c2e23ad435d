using System.Globalization;
using Delos.LocalStorage.Rocks;
using Delos.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Delos.LocalStorage;

/// <summary>
/// Snapshots in a directory, which several replicas may share: each is a directory <c>cursor-replica</c> of its own with the store's checkpoint in <c>state</c> and a <see cref="SnapshotManifest"/> beside it, and appears under that name only when it is whole.
/// </summary>
/// <param name="root">Made when the first snapshot is.</param>
/// <param name="timeProvider">Clock of the leases of those who copy; null: the system's.</param>
public sealed class DirectorySnapshots(string root, TimeProvider? timeProvider = null) : ISnapshotStore
{
    /// <summary>Within a snapshot's directory: the files that the manifest names.</summary>
    internal const string State = "state";

    private const string Unfinished = "unfinished-";

    /// <summary>Several times what a copier waits for one answer.</summary>
    private static readonly TimeSpan s_leaseTime = TimeSpan.FromMinutes(1);

    private const int MaxLeases = 4;

    private readonly TimeProvider _timeProvider = timeProvider ?? TimeProvider.System;
    private readonly SnapshotLeases _leases = new(s_leaseTime, MaxLeases);
    private readonly ManifestCache _manifests = new(MaxLeases);
    private readonly Lock _lock = new();

    internal string Root { get; } = Path.GetFullPath(root);

    public ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(Root)) return ValueTask.FromResult<IReadOnlyList<SnapshotInfo>>([]);
        var found = Directory.EnumerateDirectories(Root).Select(static d => TryParse(Path.GetFileName(d))).OfType<SnapshotInfo>().Where(s => SnapshotManifest.TryRead(PathOf(s)) is not null);
        return ValueTask.FromResult<IReadOnlyList<SnapshotInfo>>([.. found.OrderByDescending(static s => s.Cursor).ThenBy(static s => s.Replica)]);
    }

    public async ValueTask<SnapshotInfo> SaveAsync(ulong replica, Func<string, ValueTask<long>> write, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(write);
        StoreFiles.EnsureDirectory(Root);
        RemoveUnfinished(replica);
        var directory = Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"{Unfinished}{replica}"));
        Directory.CreateDirectory(directory);
        var snapshot = new SnapshotInfo(await write(Path.Combine(directory, State)).ConfigureAwait(false), replica);
        var manifest = await SnapshotManifest.ComputeAsync(Path.Combine(directory, State), cancellationToken).ConfigureAwait(false);
        manifest.Write(directory);
        await manifest.VerifyAsync(Path.Combine(directory, State), cancellationToken).ConfigureAwait(false);
        Posix.Rename(directory, PathOf(snapshot));
        Posix.SyncDirectory(Root);
        return snapshot;
    }

    /// <summary>Takes a copy of a snapshot that was written elsewhere, as one of that replica's; nothing happens if it has that one whole.</summary>
    /// <param name="replica">Whose it is to be.</param>
    /// <param name="cursor">The snapshot's.</param>
    /// <param name="state">Its files.</param>
    /// <param name="manifest">What they must be.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">A file is not what the manifest says.</exception>
    internal async ValueTask<SnapshotInfo> PutAsync(ulong replica, long cursor, string state, SnapshotManifest manifest, CancellationToken cancellationToken)
    {
        var snapshot = new SnapshotInfo(cursor, replica);
        if (Has(snapshot))
        {
            try
            {
                await FetchAsync(snapshot, cancellationToken).ConfigureAwait(false);
                return snapshot;
            }
            catch (InvalidDataException)
            {
                await DeleteAsync(snapshot, cancellationToken).ConfigureAwait(false);
            }
        }

        return await SaveAsync(replica, CopyAsync, cancellationToken).ConfigureAwait(false);

        async ValueTask<long> CopyAsync(string target)
        {
            Directory.CreateDirectory(target);
            foreach (var file in manifest.Files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var path = Path.Combine(target, file.Name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Copy(Path.Combine(state, file.Name), path);
            }

            await manifest.VerifyAsync(target, cancellationToken).ConfigureAwait(false);
            foreach (var directory in Directory.EnumerateDirectories(target, "*", SearchOption.AllDirectories).Prepend(target)) StoreFiles.Sync(directory);
            return cursor;
        }
    }

    public async ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var manifest = SnapshotManifest.TryRead(PathOf(snapshot)) ?? throw new InvalidDataException($"The snapshot {PathOf(snapshot)} has no manifest, or a damaged one.");
        var state = Path.Combine(PathOf(snapshot), State);
        await manifest.VerifyAsync(state, cancellationToken).ConfigureAwait(false);
        return state;
    }

    public bool IsInUse(SnapshotInfo snapshot)
    {
        lock (_lock) return _leases.IsHeld(snapshot, Now);
    }

    public ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        lock (_lock)
        {
            _leases.End(snapshot);
            _manifests.Forget(PathOf(snapshot));
        }

        try
        {
            // Without its manifest it is not listed any more, whatever a crash leaves of it.
            File.Delete(SnapshotManifest.PathIn(PathOf(snapshot)));
            Directory.Delete(PathOf(snapshot), recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Another replica was faster.
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>How often a manifest was read and parsed for somebody who copies.</summary>
    internal int ManifestsParsed
    {
        get
        {
            lock (_lock) return _manifests.Parsed;
        }
    }

    /// <summary>The snapshot is here and has a manifest; its files may be damaged.</summary>
    internal bool Has(SnapshotInfo snapshot) => SnapshotManifest.TryRead(PathOf(snapshot)) is not null;

    /// <summary>Opens a file of a snapshot for somebody who copies it: the manifest, or one that the manifest names, and no other. The snapshot <see cref="IsInUse"/> from then on for a minute.</summary>
    /// <returns>Null: there is no such snapshot or file.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    internal SafeFileHandle? TryOpen(SnapshotInfo snapshot, string file)
    {
        var directory = PathOf(snapshot);
        try
        {
            lock (_lock)
            {
                if (_manifests.TryRead(directory) is not { } manifest) return null;
                if (file.Length > 0 && manifest.Find(file) is null) return null;
                _leases.Renew(snapshot, Now);
            }

            return File.OpenHandle(file.Length == 0 ? SnapshotManifest.PathIn(directory) : Path.Combine(directory, State, file));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>What the snapshot's directory is called.</summary>
    internal static string NameOf(SnapshotInfo snapshot) => string.Create(CultureInfo.InvariantCulture, $"{snapshot.Cursor:D19}-{snapshot.Replica}");

    private TimeSpan Now => _timeProvider.GetElapsedTime(0);

    private string PathOf(SnapshotInfo snapshot) => Path.Combine(Root, NameOf(snapshot));

    private static SnapshotInfo? TryParse(string name) =>
        name.Split('-') is [var cursor, var replica] && long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && ulong.TryParse(replica, NumberStyles.None, CultureInfo.InvariantCulture, out var by)
            ? new SnapshotInfo(at, by)
            : null;

    /// <summary>What a crash left of this replica's last attempt, or of a snapshot without manifest at the same place.</summary>
    private void RemoveUnfinished(ulong replica)
    {
        var left = Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"{Unfinished}{replica}"));
        if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
        foreach (var directory in Directory.EnumerateDirectories(Root))
        {
            if (TryParse(Path.GetFileName(directory)) is { } half && half.Replica == replica && SnapshotManifest.TryRead(directory) is null) Directory.Delete(directory, recursive: true);
        }
    }
}
