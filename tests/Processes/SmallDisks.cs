using System.Diagnostics;
using System.Globalization;

namespace Delos.Tests.Processes;

/// <summary>A small filesystem for each node of a cluster (tmpfs of a fixed size; needs root), with ballast that can be taken away.</summary>
internal sealed class SmallDisks : IAsyncDisposable
{
    private readonly List<string> _mounts = [];

    private SmallDisks(string directory) => Directory = directory;

    /// <summary>The cluster's directory; node n lives below <c>node-n</c>.</summary>
    public string Directory { get; }

    public static SmallDisks Mount(string parent, int nodes, int megabytes)
    {
        var disks = new SmallDisks(Path.Combine(parent, $"small-disks-{Guid.NewGuid():n}"));
        for (var i = 1; i <= nodes; i++)
        {
            var mount = Path.Combine(disks.Directory, $"node-{i}");
            System.IO.Directory.CreateDirectory(mount);
            Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "tmpfs", mount);
            disks._mounts.Add(mount);
        }

        return disks;
    }

    /// <summary>Leaves a few MiB on every disk.</summary>
    public void FillUp()
    {
        foreach (var mount in _mounts)
        {
            var room = new DriveInfo(mount).AvailableFreeSpace - (6 << 20);
            using var ballast = new FileStream(Path.Combine(mount, "ballast"), FileMode.Create, FileAccess.Write);
            var chunk = new byte[1 << 20];
            for (; room > chunk.Length; room -= chunk.Length) ballast.Write(chunk);
        }
    }

    public void MakeRoom()
    {
        foreach (var mount in _mounts) File.Delete(Path.Combine(mount, "ballast"));
    }

    public ValueTask DisposeAsync()
    {
        foreach (var mount in _mounts) Run("umount", "--lazy", mount);
        System.IO.Directory.Delete(Directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true }) ?? throw new InvalidOperationException($"{program} did not start.");
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error.Trim()} (this test needs root)");
    }
}
