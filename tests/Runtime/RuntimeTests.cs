using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>Replicas that meet in the log only.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class RuntimeTests
{
    private readonly RuntimeCluster _cluster = new();

    [TearDown]
    public async Task EndAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task What_one_replica_proposed_all_apply_in_the_same_order()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2), _cluster.Start(3)];
        await Task.WhenAll(replicas.Select(r => r.UntilAsync(RuntimeState.Applying)));
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => replicas[i % 3].ProposeAsync(i % 5 == 0 ? $"add sum {i}" : $"set key{i % 7} {i}")));
        foreach (var replica in replicas) Assert.That(await replica.ReadAsync("sum"), Is.EqualTo(Enumerable.Range(0, 300).Where(i => i % 5 == 0).Sum().ToString()));
        Assert.That(replicas.Select(r => r.Status.Checksum).Distinct().Count(), Is.EqualTo(1));
        Assert.That(replicas.Select(r => r.Status.Commands), Is.All.EqualTo(300));
    }

    [Test]
    public async Task Proposals_made_at_the_same_time_share_entries()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await Task.WhenAll(Enumerable.Range(0, 2_000).Select(i => replica.ProposeAsync($"add n 1")));
        Assert.That(await replica.ReadAsync("n"), Is.EqualTo("2000"));
        Assert.That(replica.Status.Cursor, Is.LessThan(1_000));
    }

    [Test]
    public async Task A_linearizable_read_sees_what_another_replica_has_answered()
    {
        var (writer, reader) = (_cluster.Start(1), _cluster.Start(2));
        await writer.UntilAsync(RuntimeState.Applying);
        await reader.UntilAsync(RuntimeState.Applying);
        for (var i = 0; i < 200; i++)
        {
            await writer.ProposeAsync($"set k {i}");
            Assert.That(await reader.ReadAsync("k"), Is.EqualTo(i.ToString()));
        }
    }

    [Test]
    public async Task A_read_after_ones_own_proposal_sees_it_without_asking_the_log()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        var result = await replica.Runtime.ProposeAsync(Registers.Bytes("set k v"));
        Assert.That(await replica.ReadAsync("k", ReadLevel.After(result.Next)), Is.EqualTo("v"));
        Assert.That(await replica.ReadAsync("k", ReadLevel.Stale), Is.EqualTo("v"));
        Assert.That(await replica.ReadAsync("k", ReadLevel.Within(TimeSpan.FromMinutes(1))), Is.EqualTo("v"));
    }

    [Test]
    public async Task A_replica_that_starts_late_or_again_catches_up()
    {
        var first = _cluster.Start(1);
        await first.UntilAsync(RuntimeState.Applying);
        for (var i = 0; i < 50; i++) await first.ProposeAsync("add n 1");
        var late = _cluster.Start(2);
        Assert.That(await UntilReadAsync(late, "n"), Is.EqualTo("50"));
        await first.StopAsync();
        await late.ProposeAsync("add n 1");
        Assert.That(await UntilReadAsync(_cluster.Start(1), "n"), Is.EqualTo("51"));
        Assert.That(_cluster[1].Machine.Applied, Is.EqualTo(51), "what the store held was not applied again");
    }

    [Test]
    public async Task A_crash_takes_effects_and_cursor_back_together()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        for (var i = 0; i < 20; i++) await replica.ProposeAsync("add n 1");
        await replica.Runtime.ReportAsync();
        for (var i = 0; i < 20; i++) await replica.ProposeAsync("add n 1");
        var checksum = replica.Status.Checksum;
        await replica.CrashAsync();
        Assert.That(await UntilReadAsync(_cluster.Start(1), "n"), Is.EqualTo("40"));
        Assert.That(replica.Status.Checksum, Is.EqualTo(checksum));
        Assert.That(replica.Machine.Applied, Is.EqualTo(60), "what was not durable was applied again");
    }

    [Test]
    public async Task A_command_of_a_session_is_applied_once_through_whatever_replicas_it_comes()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2)];
        await Task.WhenAll(replicas.Select(r => r.UntilAsync(RuntimeState.Applying)));
        var session = await replicas[0].Runtime.OpenSessionAsync();
        var number = session.Next();
        var copies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => replicas[i % 2].Runtime.ProposeAsync(session.Id, number, session.Floor, Registers.Bytes("add n 5"))));
        Assert.That(copies.Select(c => (c.Status, c.Payload.ToArray())), Is.All.EqualTo((ProposalStatus.Applied, Registers.Bytes("5"))));
        Assert.That(await replicas[1].ReadAsync("n"), Is.EqualTo("5"));

        // Once the next command says that it has the answer, it is forgotten.
        session.Answered(number);
        await replicas[1].Runtime.ProposeAsync(session.Id, session.Next(), session.Floor, Registers.Bytes("add n 5"));
        Assert.That((await replicas[0].Runtime.ProposeAsync(session.Id, number, number, Registers.Bytes("add n 5"))).Status, Is.EqualTo(ProposalStatus.AlreadyAnswered));
        Assert.That((await replicas[0].Runtime.ProposeAsync(session.Id, 2 + Session.Window, 2, Registers.Bytes("add n 5"))).Status, Is.EqualTo(ProposalStatus.TooManyUnanswered));
        Assert.That((await replicas[0].Runtime.ProposeAsync(session.Id + 1, 1, 1, Registers.Bytes("add n 5"))).Status, Is.EqualTo(ProposalStatus.SessionExpired));
        Assert.That(await replicas[0].ReadAsync("n"), Is.EqualTo("10"));
    }

    [Test]
    public async Task A_proposal_whose_entry_is_deleted_before_its_replica_met_it_is_not_left_waiting()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        replica.Machine.IsPoison = static c => c == "set k w";
        var other = _cluster.Start(2);
        await other.UntilAsync(RuntimeState.Applying);
        Assert.That(async () => await replica.ProposeAsync("set k w"), Throws.TypeOf<DelosException>());
        await replica.UntilAsync(RuntimeState.Poisoned);
        await _cluster.Logs.Client().Admin.EditEntryAsync("log", 1, EntryEdit.Delete);
        await replica.UntilAsync(RuntimeState.Applying);
        Assert.That(await replica.ReadAsync("k"), Is.EqualTo("v"));
    }

    [Test]
    public async Task Entries_of_others_are_passed_over()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        await _cluster.Log.AppendAsync("not a proposal"u8.ToArray());
        Assert.That(await replica.ReadAsync("k"), Is.EqualTo("v"));
        Assert.That(replica.Status.Cursor, Is.EqualTo(2));
    }

    [Test]
    public async Task Too_large_a_command_is_refused_before_it_reaches_the_log()
    {
        var replica = _cluster.Start(1, static o => o with { MaxBatchBytes = 4096 });
        await replica.UntilAsync(RuntimeState.Applying);
        Assert.That(async () => await replica.Runtime.ProposeAsync(new byte[5000]), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.LimitExceeded));
        await replica.ProposeAsync("set k v");
    }

    [Test]
    public async Task A_feature_is_raised_only_when_all_replicas_know_it()
    {
        var knows = new Dictionary<string, int> { ["shiny"] = 2 };
        var (first, second) = (_cluster.Start(1, o => o with { Features = knows }), _cluster.Start(2));
        await first.UntilAsync(RuntimeState.Applying);
        await second.UntilAsync(RuntimeState.Applying);
        await first.Runtime.ReportAsync();
        await second.Runtime.ReportAsync();
        Assert.That(async () => await first.Runtime.RaiseGateAsync("shiny", 1), Throws.TypeOf<DelosException>().With.Message.Contains("not known to: 2"));
        Assert.That(await first.ProposeAsync("gate shiny"), Is.EqualTo("0"));
        await second.StopAsync();
        _cluster.Start(2, o => o with { Features = knows });
        await second.UntilAsync(RuntimeState.Applying);
        await second.Runtime.ReportAsync();
        await first.Runtime.RaiseGateAsync("shiny", 2);
        await first.Runtime.RaiseGateAsync("shiny", 1);
        Assert.That(await second.ProposeAsync("gate shiny"), Is.EqualTo("2"), "levels never fall");
        Assert.That(second.Runtime.Gates.LevelOf("shiny"), Is.EqualTo(2));
        await second.StopAsync();
        _cluster.Start(2, o => o with { Features = knows });
        await second.UntilAsync(RuntimeState.Applying);
        Assert.That(await second.ProposeAsync("gate shiny"), Is.EqualTo("2"), "they are part of the state");

        // A program that does not know it would compute something else.
        await second.StopAsync();
        _cluster.Start(2);
        await second.UntilAsync(RuntimeState.Failed);
        Assert.That(second.Status.Problem, Does.Contain("'shiny' at level 2").And.Contain("Upgrade"));
    }

    [Test]
    public async Task A_replica_is_ready_when_it_takes_proposals()
    {
        _cluster.Logs.MetaStore.IsDown = true;
        var replica = _cluster.Start(1);
        Assert.That(async () => await replica.ProposeAsync("set k v"), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Unavailable));
        var ready = replica.Runtime.ReadyAsync();
        Assert.That(ready.IsCompleted, Is.False);
        _cluster.Logs.MetaStore.IsDown = false;
        await ready;
        await replica.ProposeAsync("set k v");
    }

    [Test]
    public async Task A_disposed_replica_fails_those_who_wait()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        var runtime = replica.Runtime;
        _cluster.Logs.Faults.OnAppend = static _ => MemoryAppendFault.Hold;
        var waiting = runtime.ProposeAsync(Registers.Bytes("set k w"));
        var reading = runtime.ReadAsync(ReadLevel.After(5)).AsTask();
        await replica.StopAsync();
        Assert.That(async () => await waiting, Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.OutcomeUnknown));
        Assert.That(async () => await reading, Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Closed));
        Assert.That(async () => await runtime.ProposeAsync(Registers.Bytes("set k v")), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Closed));
        Assert.That(async () => await runtime.ReadAsync(ReadLevel.Stale), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Closed));
    }

    private static async Task<string?> UntilReadAsync(RuntimeCluster.Replica replica, string key)
    {
        await replica.UntilAsync(RuntimeState.Applying);
        return await replica.ReadAsync(key);
    }
}
