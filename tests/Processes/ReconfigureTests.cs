using System.Net;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>Planned reconfigurations of real processes under load, also unfinished ones: no append fails, none is doubled.</summary>
public sealed class ReconfigureTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    [Category("Trap04")]
    public async Task Twenty_reconfigurations_under_load_are_not_noticed()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 32, history);
        await load.AdvanceAsync(1_000, s_patience);
        for (var round = 0; round < 20; round++)
        {
            var result = await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Sequencer = (uint)(round % 3) + 1, Reason = "test" });
            Assert.That(result.Won, Is.True);
            await load.AdvanceAsync(500, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
        var chain = await client.Admin.ChainAsync(Log);
        Assert.That(chain.Segments, Has.Count.GreaterThanOrEqualTo(21));
    }

    [Test]
    public async Task A_log_moves_between_native_and_striped_Loglets_under_load()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 32, history);
        await load.AdvanceAsync(1_000, s_patience);
        foreach (var policy in new[] { LogPolicy.Striped(3, 2), LogPolicy.Striped(3, 3), LogPolicy.Striped(1, 3, sharded: true), LogPolicy.Native(3), LogPolicy.Striped(3, 5) })
        {
            var result = await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Policy = policy });
            Assert.That(result.Won, Is.True);
            var active = result.Chain.Active.Loglet;
            Assert.That((active.Kind, active.Parts.Count, active.SequencerNodes.Count), Is.EqualTo((policy.Kind, policy.Stripes, Math.Min(3, policy.Stripes))));
            await load.AdvanceAsync(2_000, s_patience);
        }

        // What stripes held is held by one Loglet, at the same positions.
        var striped = (await client.Admin.ChainAsync(Log)).Segments.First(s => s is { Loglet.Kind: LogletKind.Striped, Stop: not null });
        var moved = await client.Admin.ReconfigModifyAsync(Log, striped.Loglet.Id);
        Assert.That(moved.Chain.FindByInstallId(striped.InstallId)!.Loglet.Kind, Is.EqualTo(LogletKind.Native));
        await load.StopAsync();
        await CheckAsync(history);
    }

    [Test]
    [Category("Trap12")]
    public async Task A_log_whose_sealer_went_away_goes_on_by_itself()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 4, history);
        for (var round = 0; round < 3; round++)
        {
            await load.AdvanceAsync(300, s_patience);
            await client.Admin.SealAsync(Log);
        }

        await SwitchAsync(client, LogPolicy.Striped(3, 3));
        await load.AdvanceAsync(300, s_patience);
        await client.Admin.SealAsync(Log);
        for (var round = 0; round < 3; round++)
        {
            // It came no further than one replica of one stripe, or the majority of one, and then a node went, too: the sealed stripe's sequencer, another stripe's, or a LogServer.
            await load.AdvanceAsync(300, s_patience);
            var active = (await client.Admin.ChainAsync(Log)).Active.Loglet;
            await SealReplicasAsync(active.Stripes[round], count: 1 + round % 2);
            var victim = active.Stripes[round == 0 ? 0 : 2].SequencerNode;
            await Cluster[victim].KillAsync();
            await load.AdvanceAsync(300, s_patience);
            Assert.That((await client.Admin.ChainAsync(Log)).Active.Loglet.Id, Is.Not.EqualTo(active.Id));
            await Cluster.RestartAsync(victim, CancellationToken.None);
        }

        await load.AdvanceAsync(300, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    [Test]
    public async Task A_sealed_segment_moves_to_new_replicas_and_reads_the_same()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history);
        await load.AdvanceAsync(2_000, s_patience);
        var extended = await client.Admin.ReconfigExtendAsync(Log);
        await load.AdvanceAsync(500, s_patience);
        var moved = await client.Admin.ReconfigModifyAsync(Log, extended.Chain.Segments[0].Loglet.Id);
        Assert.Multiple(() =>
        {
            Assert.That(moved.Won, Is.True);
            Assert.That(moved.Chain.Segments[0].Loglet.Id, Is.Not.EqualTo(extended.Chain.Segments[0].Loglet.Id));
            Assert.That(moved.Chain.Segments[0].Stop, Is.EqualTo(extended.Chain.Segments[0].Stop));
        });
        await load.AdvanceAsync(500, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
    }

    [Test]
    [Category("Trap18")]
    public async Task What_is_trimmed_and_truncated_is_gone_and_the_rest_stays()
    {
        await StartClusterAsync();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        var log = client.Log(Log);
        for (var i = 0; i < 100; i++) await log.AppendAsync(BitConverter.GetBytes(i));
        await client.Admin.ReconfigExtendAsync(Log);
        for (var i = 100; i < 200; i++) await log.AppendAsync(BitConverter.GetBytes(i));
        Assert.That(await log.TrimAsync(1_000_000), Is.LessThanOrEqualTo(200), "a trim never passes the tail");
        var beyond = await log.AppendAsync(BitConverter.GetBytes(200));
        var kept = new List<long>();
        await foreach (var entry in log.ReadAsync(await log.FirstPositionAsync())) kept.Add(entry.Position);
        Assert.That(kept, Has.Member(beyond));
        var error = await Assert.ThrowsAsync<DelosException>(async () => await log.ReadAsync(0).GetAsyncEnumerator().MoveNextAsync());
        Assert.That(error?.Code, Is.EqualTo(DelosErrorCode.Trimmed));
        var truncated = await client.Admin.ReconfigTruncateAsync(Log, 100);
        Assert.That(truncated.Chain.Segments, Has.Count.EqualTo(1));
    }

    /// <summary>What a sealer does first, and no more of it.</summary>
    private async Task SealReplicasAsync(LogletConfig stripe, int count)
    {
        await using var peers = new PeerPool(LocalPeer.Client(), Guid.Empty, new LogletFrameRouter(), ConnectionOptions.Default);
        foreach (var replica in stripe.Replicas.Take(count))
        {
            var node = Cluster[replica.NodeId];
            var connection = await peers.GetAsync(new IPEndPoint(IPAddress.Parse(node.Address), node.Port), replica.NodeId, CancellationToken.None);
            using var response = await connection.RequestAsync(new Seal(stripe), CancellationToken.None);
            Assert.That(response.TryRead<SealReply>(out var reply) && reply.Status == StatusCode.Ok, Is.True);
        }
    }
}
