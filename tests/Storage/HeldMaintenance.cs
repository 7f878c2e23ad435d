using Delos.Daemon.Storage;

namespace Delos.Tests.Storage;

/// <summary>Keeps the disk's maintenance thread from doing anything.</summary>
internal sealed class HeldMaintenance : IDisposable
{
    private readonly ManualResetEventSlim _release = new();
    private readonly DiskMaintenance _maintenance;

    private HeldMaintenance(DiskMaintenance maintenance)
    {
        _maintenance = maintenance;
        using var held = new ManualResetEventSlim();
        maintenance.Post(() =>
        {
            held.Set();
            return _release.Wait(TimeSpan.FromSeconds(60));
        });
        Assert.That(held.Wait(TimeSpan.FromSeconds(20)));
    }

    public static HeldMaintenance Of(StorageHarness harness) => new(harness.Store.Group.Maintenance);

    /// <summary>Lets it go on; returns when everything that was queued until now was done.</summary>
    public void ReleaseAndDrain()
    {
        _release.Set();
        using var drained = new ManualResetEventSlim();
        _maintenance.Post(() =>
        {
            drained.Set();
            return true;
        });
        Assert.That(drained.Wait(TimeSpan.FromSeconds(20)));
    }

    public void Dispose() => _release.Set();
}
