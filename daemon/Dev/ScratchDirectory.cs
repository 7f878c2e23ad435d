namespace Delos.Daemon.Dev;

/// <summary>A directory of its own below a given one, deleted with everything in it when done, unless it is kept.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public ScratchDirectory(string parent)
    {
        Directory.CreateDirectory(parent);
        Path = System.IO.Path.Combine(System.IO.Path.GetFullPath(parent), $".delosd-bench-{Guid.NewGuid():n}");
        if (new DriveInfo(parent).DriveFormat is "tmpfs" or "ramfs") throw new InvalidOperationException($"{parent} is in memory ({new DriveInfo(parent).DriveFormat}): a durable append would cost nothing there. Give --data on a real disk.");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    /// <summary>It is not deleted, so that what is in it can be looked at.</summary>
    public bool IsKept { get; init; }

    public void Dispose()
    {
        if (!IsKept) Directory.Delete(Path, recursive: true);
    }
}
