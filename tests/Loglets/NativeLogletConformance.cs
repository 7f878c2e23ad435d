using Delos.Client.Loglets;
using Delos.Protocol.Chains;

namespace Delos.Tests.Loglets;

/// <summary>The NativeLoglet over real sockets: three nodes with the real sequencer, LogServers and disks.</summary>
[TestFixture]
public sealed class NativeLogletConformance : LogletConformance
{
    private MiniCluster? _cluster;

    protected override async Task<ILogletFactory> StartAsync()
    {
        _cluster = await MiniCluster.StartAsync();
        return _cluster.Factory;
    }

    protected override Task<LogletConfig> CreateAsync() => _cluster!.CreateAsync();

    protected override async Task StopAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        _cluster = null;
    }
}
