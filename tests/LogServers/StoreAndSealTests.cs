using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.LogServers;

/// <summary>Stores, seals, repairs and deletions over real sockets and a real disk, and what a crash leaves of them.</summary>
public sealed class StoreAndSealTests
{
    private static readonly LogletConfig s_config = Config(1);

    [Test]
    public async Task An_acknowledged_store_survives_a_crash()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        Assert.That(await sequencer.StoreAsync(s_config, 0, 10), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.Ok, 10, 10)));

        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That(await peer.StatusAsync(s_config.Id), Is.EqualTo(new StatusReply(StatusCode.Ok, 7, false, 10, 0, 0, false)));
        var (reply, entries) = await peer.ReadAsync(s_config.Id, 0, 100, 10);
        Assert.That(reply.Count, Is.EqualTo(10));
        Assert.That(entries, Is.EqualTo(Entries(0, 10)));
        Assert.That((await peer.StoreAsync(s_config, 10, 5, withConfig: false)).DurableTail, Is.EqualTo(15));
    }

    [Test]
    public async Task A_store_without_entries_creates_the_replica()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        Assert.That(await sequencer.StoreAsync(s_config, 0, 0), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.Ok, 0, 0)));
        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.StatusAsync(s_config.Id)).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public async Task A_duplicate_is_acknowledged_and_stored_once()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 10);
        Assert.That((await sequencer.StoreAsync(s_config, 0, 10)).DurableTail, Is.EqualTo(10));
        Assert.That((await sequencer.StoreAsync(s_config, 5, 10)).DurableTail, Is.EqualTo(15));
        var (reply, entries) = await sequencer.ReadAsync(s_config.Id, 0, 100, 15);
        Assert.That(reply.Count, Is.EqualTo(15));
        Assert.That(entries, Is.EqualTo(Entries(0, 15)));
    }

    [Test, Category("Trap06")]
    public async Task A_store_beyond_the_tail_is_answered_with_where_to_resend_from()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 6);
        Assert.That(await sequencer.StoreAsync(s_config, 7, 1), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.OutOfOrder, 6, 6)));
        Assert.That((await sequencer.StoreAsync(s_config, 6, 2)).DurableTail, Is.EqualTo(8));
    }

    [Test, Category("Trap08")]
    public async Task A_store_to_an_unknown_Loglet_needs_a_config_that_names_this_node_and_disk()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        Assert.That((await sequencer.StoreAsync(s_config, 0, 1, withConfig: false)).Status, Is.EqualTo(StatusCode.NeedConfig));
        var foreign = LogletConfig.Native(s_config.Id, 1, 7, [new ReplicaId(Me.NodeId, Guid.NewGuid())]);
        Assert.That((await sequencer.StoreAsync(foreign, 0, 1)).Status, Is.EqualTo(StatusCode.NotServed));
        Assert.That((await sequencer.StatusAsync(s_config.Id)).Status, Is.EqualTo(StatusCode.NotFound));
        Assert.That(() => sequencer.SealAsync(foreign), Throws.InstanceOf<DelosProtocolException>());
    }

    [Test, Category("Trap07")]
    public async Task A_store_of_another_incarnation_is_refused()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        Assert.That((await sequencer.StoreAsync(s_config, 1, 1, incarnation: 8)).Status, Is.EqualTo(StatusCode.WrongIncarnation));
        Assert.That((await sequencer.StatusAsync(s_config.Id)).DurableTail, Is.EqualTo(1));
    }

    [Test, Category("Trap02")]
    public async Task A_seal_is_answered_behind_the_acknowledgement_of_the_stores_before_it()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        sequencer.EnqueueStore(s_config, 0, 10);
        var sealing = sequencer.SealAsync(s_config);
        Assert.That(await sealing, Is.EqualTo(new SealReply(StatusCode.Ok, 10, 0)));
        Assert.That(await sequencer.NextAsync<StoreAck>(), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.Ok, 10, 10)));

        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That(await peer.StatusAsync(s_config.Id), Is.EqualTo(new StatusReply(StatusCode.Ok, 7, true, 10, 0, 0, false)));
        Assert.That((await peer.StoreAsync(s_config, 10, 1)).Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test, Category("Trap01")]
    public async Task A_late_duplicate_after_seal_and_repair_is_not_acknowledged()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 2);
        await sequencer.SealAsync(s_config);
        Assert.That(await sequencer.RepairAsync(s_config, 2, 2), Is.EqualTo(new RepairReply(StatusCode.Ok, 4)));
        Assert.That((await sequencer.StoreAsync(s_config, 0, 4)).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(await sequencer.SealAsync(s_config), Is.EqualTo(new SealReply(StatusCode.Ok, 4, 0)));
    }

    [Test, Category("Trap01")]
    public async Task A_duplicate_judged_before_a_seal_and_answered_after_it_acknowledges_nothing()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        var observer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 2);

        // The seal, and a repair that raises the tail, come between the store's decision and its answer.
        var ending = 0;
        var between = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new ManualResetEventSlim();
        server.BeforeBatchEnd = connection =>
        {
            if (Interlocked.Exchange(ref ending, 1) != 0) return;
            between.SetResult();
            goOn.Wait(Patience);
        };
        sequencer.EnqueueStore(s_config, 0, 2);
        sequencer.Connection.Flush();
        await between.Task.WaitAsync(Patience);
        Assert.That(await observer.SealAsync(s_config), Is.EqualTo(new SealReply(StatusCode.Ok, 2, 0)));
        Assert.That(await observer.RepairAsync(s_config, 2, 2), Is.EqualTo(new RepairReply(StatusCode.Ok, 4)));
        goOn.Set();

        // One tells of the seal, the other answers the store.
        Assert.That((await sequencer.NextAsync<StoreAck>()).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That((await sequencer.NextAsync<StoreAck>()).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(await sequencer.HeardNothingAsync(s_config));
    }

    [Test, Category("Trap09")]
    public async Task A_status_request_for_an_unknown_Loglet_confirms_and_creates_nothing_and_its_seal_is_durable()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        Assert.That((await peer.StatusAsync(s_config.Id)).Status, Is.EqualTo(StatusCode.NotFound));
        Assert.That(server.Service.GetReplicas(), Is.Empty);
        Assert.That(await peer.SealAsync(s_config), Is.EqualTo(new SealReply(StatusCode.Ok, 0, 0)));

        await using var crashed = await server.CrashAsync();
        var again = await crashed.ConnectAsync();
        Assert.That((await again.StoreAsync(s_config, 0, 1)).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(await again.RepairAsync(s_config, 0, 3), Is.EqualTo(new RepairReply(StatusCode.Ok, 3)));
    }

    [Test]
    public async Task Repair_copies_are_refused_before_the_seal_and_beyond_the_tail()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.StoreAsync(s_config, 0, 2);
        Assert.That((await peer.RepairAsync(s_config, 2, 1)).Status, Is.EqualTo(StatusCode.NotSealed));
        await peer.SealAsync(s_config);
        Assert.That(await peer.RepairAsync(s_config, 3, 1), Is.EqualTo(new RepairReply(StatusCode.OutOfOrder, 2)));
        Assert.That(await peer.RepairAsync(s_config, 0, 2), Is.EqualTo(new RepairReply(StatusCode.Ok, 2)));
    }

    [Test]
    public async Task A_deleted_Loglet_stays_deleted_also_after_a_crash()
    {
        await using var server = await StartAsync();
        var peer = await server.ConnectAsync();
        await peer.StoreAsync(s_config, 0, 2);
        Assert.That(await peer.AskAsync<DeleteLoglet, DeleteLogletReply>(new DeleteLoglet(s_config.Id)), Is.EqualTo(new DeleteLogletReply(StatusCode.Ok)));
        Assert.That((await peer.StoreAsync(s_config, 0, 1)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await peer.SealAsync(s_config)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await peer.StatusAsync(s_config.Id)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await peer.ReadAsync(s_config.Id, 0, 1, 1)).Reply.Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(Directory.Exists(Path.Combine(server.DataDirectory, "log", "segments", s_config.Id.ToString())), Is.False);

        await using var crashed = await server.CrashAsync();
        var again = await crashed.ConnectAsync();
        Assert.That((await again.StoreAsync(s_config, 0, 1)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await again.AskAsync<DeleteLoglet, DeleteLogletReply>(new DeleteLoglet(s_config.Id))).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public async Task An_idle_sequencer_is_told_of_the_seal_and_of_the_deletion()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 3);
        var other = await server.ConnectAsync();
        await other.SealAsync(s_config);
        Assert.That(await sequencer.NextAsync<StoreAck>(), Is.EqualTo(new StoreAck(s_config.Id, 7, StatusCode.Sealed, 3, 3)));
        await other.AskAsync<DeleteLoglet, DeleteLogletReply>(new DeleteLoglet(s_config.Id));
        Assert.That((await sequencer.NextAsync<StoreAck>()).Status, Is.EqualTo(StatusCode.Deleted));
    }

    [Test]
    public async Task A_confirm_tells_open_and_the_durable_tail_or_sealed()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 3);
        Assert.That(await ConfirmAsync(1), Is.EqualTo(new ConfirmReply(s_config.Id, 7, 1, StatusCode.Ok, 3)));
        await sequencer.SealAsync(s_config);
        Assert.That((await ConfirmAsync(2)).Status, Is.EqualTo(StatusCode.Sealed));

        Task<ConfirmReply> ConfirmAsync(ulong round)
        {
            sequencer.Connection.Enqueue(new Confirm(s_config.Id, 7, round));
            sequencer.Connection.Flush();
            return sequencer.NextAsync<ConfirmReply>();
        }
    }

    [Test]
    public async Task Damaged_entries_are_refused_and_the_connection_ends()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        var entries = Entries(1, 2);
        entries[50] ^= 1;
        sequencer.Connection.Enqueue(new Store(s_config.Id, 7, 1, 2, 0, null), entries.AsSpan());
        sequencer.Connection.Flush();
        var reason = await sequencer.ClosedFor.Task.WaitAsync(Patience);
        Assert.That((reason as DelosProtocolException)?.Code, Is.EqualTo(StatusCode.Malformed));
        var again = await server.ConnectAsync();
        Assert.That((await again.StatusAsync(s_config.Id)).DurableTail, Is.EqualTo(1));
    }

    [Test]
    public async Task A_store_larger_than_a_record_is_stored_whole()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        Assert.That((await sequencer.StoreAsync(s_config, 0, 5000)).DurableTail, Is.EqualTo(5000));
        var (reply, entries) = await sequencer.ReadAsync(s_config.Id, 0, 5000, 5000, maxBytes: 4 << 20);
        Assert.That(entries, Is.EqualTo(Entries(0, (int)reply.Count)));
        Assert.That(reply.Count, Is.GreaterThan(3000));
    }
}
