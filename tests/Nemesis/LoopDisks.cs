using System.Globalization;

namespace Delos.Tests.Nemesis;

/// <summary>A <see cref="LoopDisk"/> for each node of a cluster, below one directory, whose name tells the process that made it: so that a later run can remove what a killed one left behind, and nothing else.</summary>
internal sealed class LoopDisks : IAsyncDisposable
{
    private const string Prefix = "delos-nemesis-disks-";
    private readonly List<LoopDisk> _disks = [];

    private LoopDisks(string directory) => Directory = directory;

    /// <summary>The cluster's directory; node n has its data in <c>node-n/data</c>, which is the disk.</summary>
    public string Directory { get; }

    public IReadOnlyList<LoopDisk> All => _disks;

    public LoopDisk this[uint node] => _disks[(int)node - 1];

    public static async Task<LoopDisks> CreateAsync(string parent, int nodes, int megabytes)
    {
        await RemoveLeftoversAsync(parent);
        var top = Path.Combine(parent, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid():n}"));
        var disks = new LoopDisks(Path.Combine(top, "cluster"));
        try
        {
            // What is unmounted here shall be unmounted in the namespaces that other tests make meanwhile, too: a disk is gone only when nobody has it any more.
            System.IO.Directory.CreateDirectory(top);
            await Shell.RunAsync("mount", "--bind", top, top);
            await Shell.RunAsync("mount", "--make-shared", top);
            for (var i = 1; i <= nodes; i++)
            {
                var mount = Path.Combine(disks.Directory, $"node-{i}", "data");
                System.IO.Directory.CreateDirectory(mount);
                disks._disks.Add(await LoopDisk.CreateAsync(Path.Combine(top, $"disk-{i}.img"), mount, megabytes));
            }

            return disks;
        }
        catch
        {
            await disks.DisposeAsync();
            throw;
        }
    }

    /// <summary>Of all nodes at once.</summary>
    public void CutPower()
    {
        foreach (var disk in _disks) disk.CutPower();
    }

    public Task RemountAsync() => Task.WhenAll(_disks.Select(d => d.RemountAsync()));

    public async ValueTask DisposeAsync()
    {
        foreach (var disk in _disks) await disk.DisposeAsync();
        var top = Path.GetDirectoryName(Directory) ?? throw new InvalidOperationException($"{Directory} has no parent.");
        await Shell.TryAsync("umount", "--lazy", top);
        Remove(top);
    }

    /// <summary>What is mounted below a directory, the innermost first.</summary>
    private static IEnumerable<string> MountsBelow(string directory) =>
        File.ReadLines("/proc/self/mounts").Select(l => l.Split(' ')[1]).Where(m => m == directory || m.StartsWith(directory + "/", StringComparison.Ordinal)).OrderByDescending(m => m.Length);

    private static async Task RemoveLeftoversAsync(string parent)
    {
        foreach (var top in System.IO.Directory.EnumerateDirectories(parent, Prefix + "*"))
        {
            var owner = Path.GetFileName(top)[Prefix.Length..].Split('-')[0];
            if (System.IO.Directory.Exists($"/proc/{owner}")) continue;
            foreach (var mount in MountsBelow(top).ToList())
            {
                await Shell.TryAsync("fsfreeze", "--unfreeze", mount);
                await Shell.TryAsync("umount", "--lazy", mount);
            }

            Remove(top);
        }
    }

    /// <summary>Never through a mount that could not be undone.</summary>
    private static void Remove(string top)
    {
        if (MountsBelow(top).Any()) throw new InvalidOperationException($"{top} still has something mounted below it: {string.Join(", ", MountsBelow(top))}");
        if (System.IO.Directory.Exists(top)) System.IO.Directory.Delete(top, recursive: true);
    }
}
