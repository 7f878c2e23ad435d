using System.Globalization;
using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// Snapshots in a directory, which several replicas may share: each is a directory <c>cursor-replica</c> of its own with the store's checkpoint in <c>state</c> and a <see cref="SnapshotManifest"/> beside it, and appears under that name only when it is whole.
/// </summary>
/// <param name="root">Made when the first snapshot is.</param>
public sealed class DirectorySnapshots(string root) : ISnapshotStore
{
    private const string State = "state";
    private const string Unfinished = "unfinished-";

    private readonly string _root = Path.GetFullPath(root);

    public ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_root)) return ValueTask.FromResult<IReadOnlyList<SnapshotInfo>>([]);
        var found = Directory.EnumerateDirectories(_root).Select(static d => TryParse(Path.GetFileName(d))).OfType<SnapshotInfo>().Where(s => SnapshotManifest.TryRead(PathOf(s)) is not null);
        return ValueTask.FromResult<IReadOnlyList<SnapshotInfo>>([.. found.OrderByDescending(static s => s.Cursor).ThenBy(static s => s.Replica)]);
    }

    public async ValueTask SaveAsync(SnapshotInfo snapshot, Func<string, ValueTask> write, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(write);
        StoreFiles.EnsureDirectory(_root);
        RemoveUnfinished(snapshot.Replica);
        var directory = Path.Combine(_root, string.Create(CultureInfo.InvariantCulture, $"{Unfinished}{snapshot.Replica}"));
        Directory.CreateDirectory(directory);
        await write(Path.Combine(directory, State)).ConfigureAwait(false);
        var manifest = await SnapshotManifest.ComputeAsync(Path.Combine(directory, State), cancellationToken).ConfigureAwait(false);
        manifest.Write(directory);
        await manifest.VerifyAsync(Path.Combine(directory, State), cancellationToken).ConfigureAwait(false);
        Posix.Rename(directory, PathOf(snapshot));
        Posix.SyncDirectory(_root);
    }

    public async ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var manifest = SnapshotManifest.TryRead(PathOf(snapshot)) ?? throw new InvalidDataException($"The snapshot {PathOf(snapshot)} has no manifest, or a damaged one.");
        var state = Path.Combine(PathOf(snapshot), State);
        await manifest.VerifyAsync(state, cancellationToken).ConfigureAwait(false);
        return state;
    }

    public ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
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

    private string PathOf(SnapshotInfo snapshot) => Path.Combine(_root, string.Create(CultureInfo.InvariantCulture, $"{snapshot.Cursor:D19}-{snapshot.Replica}"));

    private static SnapshotInfo? TryParse(string name) =>
        name.Split('-') is [var cursor, var replica] && long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && ulong.TryParse(replica, NumberStyles.None, CultureInfo.InvariantCulture, out var by)
            ? new SnapshotInfo(at, by)
            : null;

    /// <summary>What a crash left of this replica's last attempt, or of a snapshot without manifest at the same place.</summary>
    private void RemoveUnfinished(ulong replica)
    {
        var left = Path.Combine(_root, string.Create(CultureInfo.InvariantCulture, $"{Unfinished}{replica}"));
        if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
        foreach (var directory in Directory.EnumerateDirectories(_root))
        {
            if (TryParse(Path.GetFileName(directory)) is { } half && half.Replica == replica && SnapshotManifest.TryRead(directory) is null) Directory.Delete(directory, recursive: true);
        }
    }
}
