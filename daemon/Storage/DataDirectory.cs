using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>A directory that one role of one process owns: it exists, can be written durably, and is locked against a second daemon (the kernel drops the lock with the process).</summary>
public sealed class DataDirectory : IDisposable
{
    private readonly SafeFileHandle _lock;

    private DataDirectory(string path, SafeFileHandle held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>Creates the directory if it is missing, tries a durable write in it, and locks it.</summary>
    /// <exception cref="DataDirectoryException">It cannot be used; the message says why and what to do.</exception>
    public static DataDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException(path, $"cannot be created: {e.Message}", e);
        }

        SafeFileHandle? held = null;
        try
        {
            var lockPath = System.IO.Path.Combine(path, "lock");
            held = Posix.Open(lockPath, Posix.O_RDWR | Posix.O_CREAT);
            if (!Posix.TryLock(held, lockPath)) throw new DataDirectoryException(path, "is in use by another delosd");
            Probe(path);
            var directory = new DataDirectory(path, held);
            held = null;
            return directory;
        }
        catch (IoException e)
        {
            throw new DataDirectoryException(path, $"cannot be written: {e.Message}", e);
        }
        finally
        {
            held?.Dispose();
        }
    }

    /// <summary>The path of a subdirectory, which is created.</summary>
    public string Sub(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        if (Directory.Exists(path)) return path;
        Directory.CreateDirectory(path);
        Posix.SyncDirectory(Path);
        return path;
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>A full disk passes: it can be opened, read and sealed.</summary>
    private static void Probe(string path)
    {
        var probe = System.IO.Path.Combine(path, ".probe");
        using (var file = Posix.Open(probe, Posix.O_RDWR | Posix.O_CREAT))
        {
            try
            {
                Posix.PWrite(file, "delos"u8, 0, probe);
                Posix.FDataSync(file, probe);
            }
            catch (IoException e) when (e.IsNoSpace)
            {
                // Not a reason to stay down.
            }
        }

        File.Delete(probe);
        Posix.SyncDirectory(path);
    }
}

/// <summary>A data directory cannot be used.</summary>
public sealed class DataDirectoryException(string path, string reason, Exception? inner = null) : Exception($"data directory {path} {reason}", inner)
{
    public string Path { get; } = path;
}
