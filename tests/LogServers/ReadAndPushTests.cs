using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Tests.Storage;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.LogServers;

/// <summary>Reads, subscriptions and trims over real sockets and a real disk.</summary>
public sealed class ReadAndPushTests
{
    private static readonly LogletConfig s_config = Config(1);
    private static readonly int s_entryBytes = Entries(0, 1).Length;

    [Test]
    public async Task A_read_ends_at_its_bound_and_a_laggard_says_so()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 10, globalTail: 8);
        Assert.That((await peer.ReadAsync(s_config.Id, 2, 100, 5)).Reply, Is.EqualTo(new ReadReply(StatusCode.Ok, 2, 3, 8, 0)));
        Assert.That((await peer.ReadAsync(s_config.Id, 5, 100, 5)).Reply, Is.EqualTo(new ReadReply(StatusCode.Ok, 5, 0, 8, 0)));
        Assert.That((await peer.ReadAsync(s_config.Id, 8, 100, 12)).Reply.Count, Is.EqualTo(2));
        Assert.That((await peer.ReadAsync(s_config.Id, 10, 100, 12)).Reply.Status, Is.EqualTo(StatusCode.Lagging));
        Assert.That((await peer.ReadAsync(Config(2).Id, 0, 1, 1)).Reply.Status, Is.EqualTo(StatusCode.NotFound));
    }

    [Test]
    public async Task A_read_is_limited_in_bytes_but_one_entry_comes_always()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 10);
        Assert.That((await peer.ReadAsync(s_config.Id, 0, 10, 10, maxBytes: 1)).Reply.Count, Is.EqualTo(1));
        var (reply, entries) = await peer.ReadAsync(s_config.Id, 4, 10, 10, maxBytes: (uint)(3 * s_entryBytes));
        Assert.That(reply.Count, Is.EqualTo(3));
        Assert.That(entries, Is.EqualTo(Entries(4, 3)));
    }

    [Test]
    public async Task A_read_for_repair_needs_a_sealed_replica()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 10);
        Assert.That((await peer.ReadAsync(s_config.Id, 0, 100, 0, forRepair: true)).Reply.Status, Is.EqualTo(StatusCode.NotSealed));
        await peer.SealAsync(s_config);
        Assert.That((await peer.ReadAsync(s_config.Id, 0, 100, 0, forRepair: true)).Reply.Count, Is.EqualTo(10));
    }

    [Test, Category("Trap18")]
    public async Task A_trim_is_clamped_durable_and_seen_by_readers()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 100, globalTail: 50);
        Assert.That(await peer.TrimAsync(s_config.Id, 80, 0), Is.EqualTo(new TrimReply(StatusCode.Ok, 50)));
        Assert.That((await peer.ReadAsync(s_config.Id, 49, 100, 100)).Reply, Is.EqualTo(new ReadReply(StatusCode.Trimmed, 49, 0, 50, 50)));
        Assert.That((await peer.ReadAsync(s_config.Id, 50, 100, 100)).Entries, Is.EqualTo(Entries(50, 50)));
        Assert.That(await peer.TrimAsync(Config(2).Id, 80, 80), Is.EqualTo(new TrimReply(StatusCode.NotFound, 0)));

        await using var crashed = await server.CrashAsync();
        var again = await crashed.ConnectAsync();
        Assert.That((await again.StatusAsync(s_config.Id)).TrimPoint, Is.EqualTo(50));
        Assert.That((await again.ReadAsync(s_config.Id, 49, 100, 100)).Reply.Status, Is.EqualTo(StatusCode.Trimmed));
    }

    [Test]
    public async Task A_trim_moves_a_laggard_and_its_sequencer_hears_of_it()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 10);
        var operatorPeer = await server.ConnectAsync();
        Assert.That((await operatorPeer.TrimAsync(s_config.Id, 40, 40)).TrimPoint, Is.EqualTo(40));
        Assert.That(await sequencer.NextAsync<StoreAck>(), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.Ok, 40, 40)));
        Assert.That((await sequencer.StoreAsync(s_config, 40, 2)).DurableTail, Is.EqualTo(42));
        Assert.That((await sequencer.ReadAsync(s_config.Id, 40, 42, 42)).Entries, Is.EqualTo(Entries(40, 2)));
    }

    [Test, Category("Trap19")]
    public async Task A_subscriber_gets_what_the_global_tail_has_passed_and_no_more()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 10);
        reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1 << 20, 77);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 0, 0, 0)));
        sequencer.Announce(s_config, 4);
        var (entries, payload) = await reader.NextFrameAsync<Entries>();
        Assert.That(entries, Is.EqualTo(new Entries(StatusCode.Ok, 0, 4, 4)));
        Assert.That(payload, Is.EqualTo(Entries(0, 4)));
        await sequencer.StoreAsync(s_config, 10, 1, globalTail: 10);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 4, 6, 10)));
        Assert.That(await reader.HeardNothingAsync(s_config), Is.True);
    }

    [Test]
    public async Task A_sequencer_is_asked_for_the_tail_while_a_few_subscribers_wait_for_it()
    {
        await using var server = await StartAsync(options: new LogServerOptions { SubscribersInCrowd = 2 });
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        Assert.That(sequencer.LastFlags, Is.EqualTo(FrameFlags.None));
        await SubscribeAsync(1);
        await sequencer.StoreAsync(s_config, 1, 1, withConfig: false);
        Assert.That(sequencer.LastFlags, Is.EqualTo(FrameFlags.WantsTail));
        await SubscribeAsync(2);
        await sequencer.StoreAsync(s_config, 2, 1, withConfig: false);
        Assert.That(sequencer.LastFlags, Is.EqualTo(FrameFlags.None), "A crowd waits for its turn anyway.");

        async Task SubscribeAsync(ulong id)
        {
            reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1 << 20, id);
            await reader.NextAsync<Entries>();
        }
    }

    [Test]
    public async Task What_is_committed_is_pushed_from_memory_before_it_is_durable_here_or_else_once_it_is()
    {
        var disk = new HeldDisk();
        await using var server = await StartAsync(storage: SmallStorage with { Disk = disk }, options: new LogServerOptions { TickInterval = TimeSpan.FromMilliseconds(20) });
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        reader.Subscribe(s_config.Id, 1, long.MaxValue, -1, 1 << 20, 1);
        Assert.That((await reader.NextAsync<Entries>()).Count, Is.Zero);
        disk.Hold();
        sequencer.EnqueueStore(s_config, 1, 2, withConfig: false);
        sequencer.Announce(s_config, 2);
        var (entries, payload) = await reader.NextFrameAsync<Entries>();
        Assert.That(entries, Is.EqualTo(new Entries(StatusCode.Ok, 1, 1, 2)));
        Assert.That(payload, Is.EqualTo(Entries(1, 1)));

        // Memory is for what came since the tick before the last.
        ulong id = 2;
        do
        {
            reader.Subscribe(s_config.Id, 1, 2, -1, 1 << 20, id++);
            entries = await reader.NextAsync<Entries>();
        }
        while (entries.Status == StatusCode.Ok);
        Assert.That(entries.Status, Is.EqualTo(StatusCode.Lagging), "Others have it.");
        sequencer.Announce(s_config, 3);
        await sequencer.StatusAsync(s_config.Id);
        Assert.That(await reader.HeardNothingAsync(s_config), Is.True);
        Assert.That(disk.IsHolding);
        disk.Release();
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 2, 1, 3)));
    }

    [Test]
    public async Task A_subscriber_gets_no_more_than_its_credit_and_the_rest_with_more_credit()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 100, globalTail: 100);
        sequencer.Announce(s_config, 100);
        reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, (uint)(10 * s_entryBytes), 77);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 0, 10, 100)));
        Assert.That(await reader.HeardNothingAsync(s_config), Is.True);
        reader.Connection.Enqueue(new Credit((uint)(90 * s_entryBytes)), 77);
        reader.Connection.Flush();
        long next = 10;
        while (next < 100)
        {
            var (entries, payload) = await reader.NextFrameAsync<Entries>();
            Assert.That(entries.First, Is.EqualTo(next));
            Assert.That(payload, Is.EqualTo(Entries(next, (int)entries.Count)));
            next += entries.Count;
        }
    }

    [Test]
    public async Task A_subscription_to_a_sealed_replica_ends_with_Sealed_when_all_below_the_global_tail_was_pushed()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 10);
        sequencer.Announce(s_config, 8);
        reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1 << 20, 77);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 0, 8, 8)));
        await sequencer.SealAsync(s_config);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Sealed, 8, 0, 8)));

        // With the installed stop, the rest is readable too.
        reader.Subscribe(s_config.Id, 8, long.MaxValue, 10, 1 << 20, 78);
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Ok, 8, 2, 8)));
        Assert.That(await reader.NextAsync<Entries>(), Is.EqualTo(new Entries(StatusCode.Sealed, 10, 0, 8)));

        // A replica that lacks part of what is below the stop sends the reader elsewhere.
        reader.Subscribe(s_config.Id, 10, long.MaxValue, 12, 1 << 20, 79);
        Assert.That((await reader.NextAsync<Entries>()).Status, Is.EqualTo(StatusCode.Lagging));
        Assert.That(server.Service.GetReplicas()[0].DurableTail, Is.EqualTo(10));
    }

    [Test]
    public async Task A_subscription_below_the_trim_point_or_of_a_deleted_Loglet_ends()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1 << 20, 1);
        Assert.That((await reader.NextAsync<Entries>()).Status, Is.EqualTo(StatusCode.NotFound));
        await sequencer.FillAsync(s_config, 10);
        await sequencer.TrimAsync(s_config.Id, 5, 10);
        reader.Subscribe(s_config.Id, 4, long.MaxValue, -1, 1 << 20, 2);
        Assert.That((await reader.NextAsync<Entries>()).Status, Is.EqualTo(StatusCode.Trimmed));
        reader.Subscribe(s_config.Id, 5, long.MaxValue, -1, 1 << 20, 3);
        Assert.That((await reader.NextAsync<Entries>()).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That(await server.Service.DeleteAsync(s_config.Id), Is.EqualTo(StatusCode.Ok));
        Assert.That((await reader.NextAsync<Entries>()).Status, Is.EqualTo(StatusCode.Deleted));
    }

    [Test]
    public async Task An_unsubscribed_reader_hears_nothing_more()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var reader = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 10);
        reader.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1 << 20, 77);
        await reader.NextAsync<Entries>();
        reader.Connection.Enqueue(new Unsubscribe(), 77);
        await reader.StatusAsync(s_config.Id);
        sequencer.Announce(s_config, 10);
        await sequencer.StatusAsync(s_config.Id);
        Assert.That(await reader.HeardNothingAsync(s_config), Is.True);
    }

    [Test]
    public async Task Followers_keep_up_with_a_stream_of_stores_and_see_every_entry_once_in_order([Values(1, 12)] int followers)
    {
        const int total = 20_000;
        var wanted = Entries(0, total);
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 0);
        var readers = await Task.WhenAll(Enumerable.Range(0, followers).Select(_ => server.ConnectAsync()));
        var following = readers.Select(FollowAsync).ToArray();
        var written = Task.Run(async () =>
        {
            for (long first = 0; first < total; first += 20)
            {
                var ack = await sequencer.StoreAsync(s_config, first, 20, withConfig: false);
                while (ack.DurableTail < first + 20) ack = await sequencer.NextAsync<StoreAck>();
                sequencer.Announce(s_config, first + 20);
            }
        });
        await written;
        await Task.WhenAll(following);

        async Task FollowAsync(LogServerPeer reader)
        {
            reader.Subscribe(s_config.Id, 0, total, -1, 64 << 10, 5);
            long next = 0;
            while (next < total)
            {
                var (entries, payload) = await reader.NextFrameAsync<Entries>();
                Assert.That((entries.Status, entries.First), Is.EqualTo((StatusCode.Ok, next)));
                if (!payload.AsSpan().SequenceEqual(wanted.AsSpan((int)next * s_entryBytes, (int)entries.Count * s_entryBytes))) Assert.Fail($"wrong entries at {next}");
                next += entries.Count;
                reader.Connection.Enqueue(new Credit((uint)payload.Length), 5);
                reader.Connection.Flush();
            }
        }
    }

    [Test]
    public async Task Too_many_subscriptions_are_refused()
    {
        await using var server = await StartAsync(options: new LogServerOptions { MaxSubscriptionsPerConnection = 2 });
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 1);
        for (ulong id = 1; id <= 3; id++) peer.Subscribe(s_config.Id, 0, long.MaxValue, -1, 1, id);
        StatusCode[] statuses = [(await peer.NextAsync<Entries>()).Status, (await peer.NextAsync<Entries>()).Status, (await peer.NextAsync<Entries>()).Status];
        Assert.That(statuses.Order(), Is.EqualTo(new[] { StatusCode.Ok, StatusCode.Ok, StatusCode.LimitExceeded }));
    }
}
