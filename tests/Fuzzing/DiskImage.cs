namespace Delos.Tests.Fuzzing;

/// <summary>The files of a directory in memory: read once, changed and written out again for each round.</summary>
internal sealed class DiskImage
{
    private DiskImage(SortedDictionary<string, byte[]> files) => Files = files;

    /// <summary>By path below the directory.</summary>
    public SortedDictionary<string, byte[]> Files { get; }

    /// <summary>Where rounds run: memory, if the machine has such a directory, since each round syncs.</summary>
    public static string NewDirectory()
    {
        var path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "delos-fuzz-" + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(path);
        return path;
    }

    public static DiskImage Read(string directory)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)) files.Add(Path.GetRelativePath(directory, path), File.ReadAllBytes(path));
        return new DiskImage(files);
    }

    public DiskImage Clone()
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (path, bytes) in Files) files.Add(path, (byte[])bytes.Clone());
        return new DiskImage(files);
    }

    public void CopyFrom(DiskImage other)
    {
        Files.Clear();
        foreach (var (path, bytes) in other.Files) Files.Add(path, (byte[])bytes.Clone());
    }

    /// <summary>Makes the directory hold these files and nothing else.</summary>
    public void Write(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        Directory.CreateDirectory(directory);
        foreach (var (path, bytes) in Files)
        {
            var full = Path.Combine(directory, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllBytes(full, bytes);
        }
    }
}
