namespace Delos.LocalStorage.Rocks;

/// <summary>Directories of database files: durable as a whole before anything relies on them, and put in place by one rename.</summary>
internal static class StoreFiles
{
    private const string TableEnding = ".sst";

    // What names the files that make up the database; RocksDB writes it last.
    private const string CurrentName = "CURRENT";

    /// <summary>Without a separator at its end, so that endings can be added to it.</summary>
    public static string FullPath(string directory) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));

    /// <summary>There are files of a database.</summary>
    public static bool HasTables(string directory) => Directory.Exists(directory) && Directory.EnumerateFiles(directory, "*" + TableEnding).Any();

    /// <summary>The file is there that says which others count. RocksDB takes a directory without it for empty, and deletes what it finds.</summary>
    public static bool HasCurrent(string directory) => File.Exists(Path.Combine(directory, CurrentName));

    /// <summary>Creates a directory and what is missing above it; when it returns, their names are durable.</summary>
    public static void EnsureDirectory(string directory)
    {
        if (Directory.Exists(directory)) return;
        var parent = Path.GetDirectoryName(directory)!;
        EnsureDirectory(parent);
        Posix.MakeDirectory(directory);
        Posix.SyncDirectory(parent);
    }

    /// <summary>When it returns, the files in the directory and its own name survive the loss of power.</summary>
    public static void Sync(string directory)
    {
        foreach (var path in Directory.EnumerateFiles(directory))
        {
            using var file = Posix.Open(path, Posix.O_RDONLY);
            Posix.FSync(file, path);
        }

        Posix.SyncDirectory(directory);
        Posix.SyncDirectory(Path.GetDirectoryName(directory)!);
    }

    /// <summary>Makes a directory with the same files. Table files, which never change, are shared where the file system can.</summary>
    public static void Copy(string from, string to, CancellationToken cancellationToken)
    {
        Posix.MakeDirectory(to);
        foreach (var path in Directory.EnumerateFiles(from))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var target = Path.Combine(to, Path.GetFileName(path));
            if (path.EndsWith(TableEnding, StringComparison.Ordinal) && Posix.TryLink(path, target)) continue;
            File.Copy(path, target);
        }
    }

    /// <summary>Takes away a directory, by its name first, so that a crash leaves no half of it under that name.</summary>
    /// <param name="directory">What to take away, if it is there.</param>
    /// <param name="doomed">The name to give it, on the same file system; what is there goes, too.</param>
    public static void Remove(string directory, string doomed)
    {
        Delete(doomed);
        if (!Directory.Exists(directory)) return;
        Posix.Rename(directory, doomed);
        Posix.SyncDirectory(Path.GetDirectoryName(directory)!);
        Delete(doomed);
    }

    public static void Delete(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    }
}
