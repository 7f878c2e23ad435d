namespace Delos.LocalStorage.Rocks;

/// <summary>Opens databases, and says what is the matter when that fails.</summary>
internal static class DatabaseOpener
{
    private const string NotBuiltIn = "is not linked with the binary";

    /// <exception cref="InvalidDataException">What is there cannot be read.</exception>
    /// <exception cref="StoreException">Something else: another process has it open, no permission, no room.</exception>
    public static DatabaseHandle Open(RocksStoreOptions options)
    {
        var database = Open(options, options.Directory, static (native, directory) =>
        {
            var database = RocksNative.Open(native, directory, out var error);
            return (database, error);
        });
        database.Place = OpenDirectories.Add(options.Directory);
        return database;
    }

    /// <summary>Opens and closes it without changing anything: its files are complete, as far as their sizes and what describes them say.</summary>
    /// <exception cref="InvalidDataException">They are not.</exception>
    /// <exception cref="StoreException">Something else.</exception>
    public static void Verify(RocksStoreOptions options, string directory) => Open(options, directory, static (native, directory) =>
    {
        var database = RocksNative.OpenForReadOnly(native, directory, 0, out var error);
        return (database, error);
    }).Dispose();

    private static DatabaseHandle Open(RocksStoreOptions options, string directory, Func<OptionsHandle, string, (DatabaseHandle, nint)> open)
    {
        for (var compress = options.Compress; ; compress = false)
        {
            using var native = DatabaseOptions.Create(options, compress);
            var (database, error) = open(native, directory);
            if (error == 0) return database;
            database.Dispose();
            var reason = RocksError.Take(error);
            if (!compress || !reason.Contains(NotBuiltIn, StringComparison.Ordinal)) throw Explain(directory, reason);
        }
    }

    /// <param name="directory">Of the database.</param>
    /// <param name="reason">What RocksDB said.</param>
    internal static Exception Explain(string directory, string reason)
    {
        var operation = $"open store {directory}";
        if (reason.Contains("LOCK: Resource temporarily unavailable", StringComparison.Ordinal)) return new StoreException($"{operation}: it is open in another process", reason);
        if (reason.Contains("lock hold by current process", StringComparison.Ordinal)) return new StoreException($"{operation}: it is open in this process already", reason);
        return IsDamage(reason)
            ? new InvalidDataException($"The store in '{directory}' cannot be read; it has to be restored from a checkpoint, or cleared and built again from the log. RocksDB says: {reason}", new StoreException(operation, reason))
            : new StoreException(operation, reason);
    }

    // A file that the database names and that is not there is damage; any other I/O error may pass. What RocksDB calls an invalid argument, with arguments that are always the same, is a store of somebody else, or of a later version.
    private static bool IsDamage(string reason) =>
        reason.StartsWith("Corruption:", StringComparison.Ordinal) || reason.StartsWith("IO error: No such file", StringComparison.Ordinal) || reason.StartsWith("Invalid argument:", StringComparison.Ordinal)
        || reason.StartsWith("Not implemented:", StringComparison.Ordinal);
}
