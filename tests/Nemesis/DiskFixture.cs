using Delos.Daemon.Dev;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Gives each test a cluster of real processes, each with a disk of its own that can be maltreated. Takes the disks away afterwards, in whatever state a failed test left them.</summary>
public abstract class DiskFixture : ProcessFixture
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private LoopDisks? _disks;

    internal LoopDisks Disks => _disks ?? throw new InvalidOperationException("StartOnDisksAsync was not called.");

    [TearDown]
    public async Task RemoveDisksAsync()
    {
        // A process whose disk is frozen cannot even be killed.
        foreach (var disk in _disks?.All ?? []) await Shell.TryAsync("fsfreeze", "--unfreeze", disk.Mount);
        await StopClusterAsync();
        if (_disks is not null) await _disks.DisposeAsync();
        _disks = null;
    }

    /// <param name="megabytes">Of each disk.</param>
    /// <param name="launcher">See <see cref="DevClusterOptions.Launcher"/>.</param>
    internal async Task StartOnDisksAsync(int megabytes, Func<uint, IReadOnlyList<string>>? launcher = null)
    {
        _disks = await LoopDisks.CreateAsync(TestContext.CurrentContext.WorkDirectory, 3, megabytes);
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = 3,
            Directory = Disks.Directory,
            Settings = ["storage.file_size=2MiB", "storage.spare_files=1"],
            Launcher = launcher ?? (_ => []),
        });
    }

    internal Task KillAllAsync() => Task.WhenAll(Cluster.Nodes.Select(n => n.KillAsync()));

    internal Task RestartAllAsync() => Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
}
