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

    [Test]
    public async Task What_is_flushed_together_is_dealt_out_in_pieces_and_leaves_no_gap()
    {
        var loglet = await NewAsync();
        using var appender = new TestAppender(loglet, 1);
        for (var round = 0; round < 20; round++)
        {
            var ops = Enumerable.Range(0, 10 + round).Select(i => appender.Start($"{round}/{i}")).ToArray();
            var first = loglet.KnownTail;
            loglet.Flush();
            var positions = new List<long>();
            foreach (var op in ops) positions.Add((await op.Completion.WaitAsync(Patience.Long)).Position);
            Assert.That(positions.Order(), Is.EqualTo(Enumerable.Range((int)first, ops.Length)), "level again, without gaps");
            var texts = await loglet.ReadAllAsync(first, first + ops.Length);
            for (var i = 0; i < ops.Length; i++) Assert.That(texts[(int)(positions[i] - first)], Is.EqualTo($"{round}/{i}"));
            Assert.That(positions.Zip(positions.Skip(1)).Count(p => p.Second % stripes != p.First % stripes), Is.EqualTo(stripes - 1), "each stripe gets one piece");
        }
    }
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
