using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// Opens a <see cref="RocksStore"/> in a directory, and puts checkpoints in its place. Needs the distribution's RocksDB library, version 7.8 to 9.x (Debian 12: package librocksdb7.8). Of its methods, one at a time.
/// </summary>
public sealed class RocksStoreFactory : ILocalStoreFactory
{
    private readonly RocksStoreOptions _options;
    private readonly string _incoming;
    private readonly string _doomed;

    /// <exception cref="ArgumentException">An option is missing or out of its bounds.</exception>
    public RocksStoreFactory(RocksStoreOptions options)
    {
        options.Validate();
        _options = options with { Directory = StoreFiles.FullPath(options.Directory) };
        _incoming = _options.Directory + ".restoring";
        _doomed = _options.Directory + ".replaced";
    }

    /// <summary>The store as it was left, or an empty one. Deletes what an interrupted <see cref="RestoreAsync"/> or <see cref="ClearAsync"/> left behind.</summary>
    /// <exception cref="InvalidDataException">What is there cannot be read; <see cref="RestoreAsync"/> replaces it.</exception>
    /// <exception cref="StoreException">It is open already, here or in another process; it was closed here, and its readers have kept it for longer than <see cref="RocksStoreOptions.OpenTimeout"/>; or the disk failed.</exception>
    /// <exception cref="DllNotFoundException">The RocksDB library is not installed; the message says what to install.</exception>
    public ILocalStore Open()
    {
        RocksLibrary.Load();

        // One that nobody has closed: RocksDB says so itself.
        OpenDirectories.WaitUntilFree(_options.Directory, _options.OpenTimeout, $"open store {_options.Directory}");
        StoreFiles.Delete(_incoming);
        StoreFiles.Delete(_doomed);
        StoreFiles.EnsureDirectory(_options.Directory);
        if (StoreFiles.HasTables(_options.Directory) && !StoreFiles.HasCurrent(_options.Directory))
        {
            throw new InvalidDataException($"The store in '{_options.Directory}' has lost its file CURRENT, which says what the others are; it has to be restored from a checkpoint, or cleared and built again from the log.");
        }

        return new RocksStore(_options);
    }

    /// <summary>As the interface says. Table files are shared with the checkpoint (hard links) if both are on one file system, else copied.</summary>
    /// <exception cref="InvalidDataException">The directory holds no complete checkpoint of such a store; what was there before still is.</exception>
    /// <exception cref="InvalidOperationException">The store is open.</exception>
    /// <exception cref="IOException">The disk failed. As after a crash: the old one is there, or none.</exception>
    public ValueTask RestoreAsync(string directory, CancellationToken cancellationToken) => new(Task.Run(() => Restore(StoreFiles.FullPath(directory), cancellationToken), cancellationToken));

    /// <exception cref="InvalidOperationException">The store is open.</exception>
    /// <exception cref="IOException">The disk failed. As after a crash: the store is there, or empty.</exception>
    public ValueTask ClearAsync(CancellationToken cancellationToken) => new(Task.Run(Clear, cancellationToken));

    private void Restore(string directory, CancellationToken cancellationToken)
    {
        WaitUntilClosed();
        RocksLibrary.Load();
        if (!StoreFiles.HasCurrent(directory)) throw new InvalidDataException($"There is no checkpoint in '{directory}'.");
        StoreFiles.EnsureDirectory(Path.GetDirectoryName(_options.Directory)!);
        StoreFiles.Delete(_incoming);
        try
        {
            StoreFiles.Copy(directory, _incoming, cancellationToken);
            DatabaseOpener.Verify(_options, _incoming);
            StoreFiles.Sync(_incoming);
        }
        catch (InvalidDataException e)
        {
            StoreFiles.Delete(_incoming);
            throw new InvalidDataException($"The checkpoint in '{directory}' is damaged: {e.InnerException!.Message}", e);
        }
        catch
        {
            StoreFiles.Delete(_incoming);
            throw;
        }

        StoreFiles.Remove(_options.Directory, _doomed);
        Posix.Rename(_incoming, _options.Directory);
        Posix.SyncDirectory(Path.GetDirectoryName(_options.Directory)!);
    }

    private void Clear()
    {
        WaitUntilClosed();
        StoreFiles.Delete(_incoming);
        StoreFiles.Remove(_options.Directory, _doomed);
    }

    private void WaitUntilClosed()
    {
        if (!OpenDirectories.WaitUntilFree(_options.Directory, _options.OpenTimeout, $"replace store {_options.Directory}")) throw new InvalidOperationException($"The store in '{_options.Directory}' is open.");
    }
}
