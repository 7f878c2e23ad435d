using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Loglets;

/// <summary>The StripedLoglet over Loglets within this process.</summary>
[TestFixture(1)]
[TestFixture(2)]
[TestFixture(3)]
public sealed class StripedLogletConformance(int stripes) : LogletConformance
{
    protected override bool IsDense => false;

    protected override Task<ILogletFactory> StartAsync() => Task.FromResult<ILogletFactory>(new MemoryLogletFactory());

    protected override Task<LogletConfig> CreateAsync() => Task.FromResult(LogletConfig.Striped(LogletId.NewRandom(), [.. Enumerable.Range(0, stripes).Select(_ => MemoryLogletFactory.NewConfig())]));

    protected override Task StopAsync() => Task.CompletedTask;
}

/// <summary>The StripedLoglet with rotating sequencers: three NativeLoglets, each sequenced by another node, over the same three real LogServers.</summary>
[TestFixture]
public sealed class NativeStripedLogletConformance : LogletConformance
{
    private MiniCluster? _cluster;

    protected override bool IsDense => false;

    protected override async Task<ILogletFactory> StartAsync()
    {
        _cluster = await MiniCluster.StartAsync();
        return _cluster.Factory;
    }

    protected override async Task<LogletConfig> CreateAsync()
    {
        var stripes = new List<LogletConfig>();
        for (var i = 0; i < 3; i++) stripes.Add(await _cluster!.CreateAsync(sequencer: i));
        return LogletConfig.Striped(LogletId.NewRandom(), stripes);
    }

    protected override async Task StopAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        _cluster = null;
    }
}
