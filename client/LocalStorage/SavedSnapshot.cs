using Delos.Protocol.Entries;

namespace Delos.LocalStorage;

/// <summary>
/// A snapshot in a directory of its own, outside of any replica's: the files <c>origin</c> and <c>manifest</c>, and what the manifest names in <c>state</c>. A replica's own snapshot has no origin, and is else the same.
/// </summary>
internal sealed class SavedSnapshot
{
    private SavedSnapshot(string directory, SnapshotOrigin? origin, SnapshotManifest? manifest, IReadOnlyList<string> problems)
    {
        Directory = directory;
        Origin = origin;
        Manifest = manifest;
        Problems = problems;
    }

    public string Directory { get; }

    /// <summary>Null: it has none, or a damaged one.</summary>
    public SnapshotOrigin? Origin { get; }

    /// <summary>Null: it has none, or a damaged one.</summary>
    public SnapshotManifest? Manifest { get; }

    /// <summary>What is wrong with it so far, without a look at its files.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>The directory with its files.</summary>
    public string State => Path.Combine(Directory, DirectorySnapshots.State);

    /// <summary>Bytes of all its files.</summary>
    public long Bytes => Manifest?.Bytes ?? 0;

    /// <summary>Reads what tells of the files.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static SavedSnapshot Open(string directory)
    {
        directory = Path.GetFullPath(directory);
        var problems = new List<string>();
        SnapshotOrigin? origin = null;
        try
        {
            origin = SnapshotOrigin.Read(directory);
        }
        catch (InvalidDataException e)
        {
            problems.Add(e.Message);
        }

        var manifest = SnapshotManifest.TryRead(directory);
        if (manifest is null) problems.Add($"{SnapshotManifest.PathIn(directory)} is {(File.Exists(SnapshotManifest.PathIn(directory)) ? "damaged" : "missing")}.");
        else if (origin is not null && Crc32C.Compute(File.ReadAllBytes(SnapshotManifest.PathIn(directory))) != origin.ManifestCrc) problems.Add($"{SnapshotManifest.PathIn(directory)} is of another snapshot than {SnapshotOrigin.PathIn(directory)}.");
        return new SavedSnapshot(directory, origin, manifest, problems);
    }

    /// <summary>Reads every file and holds it against the manifest.</summary>
    /// <param name="read">Told the bytes read so far.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What is damaged, missing, or does not belong there, each with its path; empty: it is whole.</returns>
    public async ValueTask<IReadOnlyList<string>> CheckAsync(Action<long> read, CancellationToken cancellationToken)
    {
        var problems = new List<string>(Problems);
        if (Manifest is null) return problems;
        var done = 0L;
        foreach (var file in Manifest.Files)
        {
            try
            {
                if (await SnapshotManifest.ProblemOfAsync(file, State, Read, cancellationToken).ConfigureAwait(false) is { } problem) problems.Add(problem);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                problems.Add($"{Path.Combine(State, file.Name)} cannot be read: {e.Message}");
            }
        }

        problems.AddRange(Manifest.Foreign(State).Select(path => $"{path} is no file of the snapshot."));
        return problems;

        void Read(int bytes) => read(done += bytes);
    }
}
