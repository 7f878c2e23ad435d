using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>Mutants that need a schedule which chance hardly brings about. Each script is played without the mutant first, and must then find nothing.</summary>
public sealed class ScriptedMutantTests
{
    /// <summary>Two observers of one seal find different tails; the sequencer, cut off meanwhile, offers the replica that was repaired the entry that it has by now.</summary>
    [Test, Category("Trap01")]
    public void A_sealed_and_repaired_replica_acknowledges_no_late_store() => Catches(SimMutant.LateAcknowledgement, "has two values", async s =>
    {
        await TwoObserversAsync(s);
        s.Mend(s.A, s.B);
        await s.World.Delay(200_000);
    });

    [Test, Category("Trap03")]
    public void What_repair_copied_is_not_pushed_to_followers() => Catches(SimMutant.RepairRaisesTail, "has two values", async s =>
    {
        await s.Client(3).Follower.TurnAsync(0);
        s.Expect(s.Client(3).Follower.Position == 1, "a follower that has caught up");
        await TwoObserversAsync(s);
        for (var replica = 0; replica < 3; replica++) await s.Client(3).Follower.TurnAsync(replica);
    });

    /// <summary>A sequencer that none of the other nodes reaches, and to which a client still speaks, after others went on without it.</summary>
    [Test, Category("Trap05")]
    public void A_cut_off_sequencer_tells_no_stale_tail() => Catches(SimMutant.StaleFastTail, "checkTail said", async s =>
    {
        await s.SeparateAsync(s.A, s.B);
        await s.SeparateAsync(s.A, s.C);
        await s.SeparateAsync(s.Client(1), s.A);
        await s.ExtendAsync(1);
        await s.AppendedAsync(1);
        await s.Client(2).ObserveTailAsync();
    });

    /// <summary>Every disk fails to sync one entry; then power fails.</summary>
    [Test, Category("Trap25")]
    public void What_was_not_synced_is_not_acknowledged() => Catches(SimMutant.SwallowedSyncError, "", async s =>
    {
        foreach (var node in s.Cluster.Nodes) node.Disk.FailsNextSync = true;
        s.Append(0);
        await s.World.Delay(100_000);
        foreach (var node in s.Cluster.Nodes.Where(n => n.IsUp)) node.Crash();
    });

    /// <summary>Two full disks refuse one store, and have room again when the next one, sent before the refusal was heard of, arrives.</summary>
    [Test, Category("Trap06")]
    public void A_store_behind_a_hole_is_not_acknowledged() => Catches(SimMutant.PipelinedHole, "no liveness", async s =>
    {
        s.CutWay(s.B, s.A);
        s.CutWay(s.C, s.A);
        s.B.Disk.IsFull = s.C.Disk.IsFull = true;
        s.Append(0);
        await s.UntilAsync(() => s.Tail(s.A) == 2, "an entry on A alone");
        await s.World.Delay(20_000);
        s.B.Disk.IsFull = s.C.Disk.IsFull = false;
        s.Append(0);
        await s.UntilAsync(() => s.Tail(s.A) == 3, "a second one");
        await s.World.Delay(20_000);
        s.Mend(s.A, s.B);
        s.Mend(s.A, s.C);
        await s.UntilAsync(() => s.Client(0).Unresolved == 0, "both acknowledged");
        s.A.Crash();
        s.A.Wipe();
    });

    /// <summary>Of the sealed majority one LogServer alone holds the last entry, and its disk is lost after the chain was extended.</summary>
    [Test, Category("Trap10")]
    public void A_tail_is_installed_only_when_a_majority_holds_what_lies_below() => Catches(SimMutant.NoRepair, "no liveness", async s =>
    {
        await s.SeparateAsync(s.A, s.B);
        await s.SeparateAsync(s.A, s.C);
        s.Append(0);
        await s.UntilAsync(() => s.Tail(s.A) == 2, "an entry on A alone");
        await s.SeparateAsync(s.Client(1), s.C);
        var chain = await s.ExtendAsync(1);
        s.Expect(chain.Active.Start == 2, "a stop behind the entry");
        s.A.Crash();
        s.A.Wipe();
    });

    /// <summary>The sequencer died after one LogServer had stored what the other had not, and nobody appends.</summary>
    [Test, Category("Trap11")]
    public void A_tail_without_a_sequencer_is_found_in_bounded_time() => Catches(SimMutant.EndlessCaseFive, "the script did not come to its end", async s =>
    {
        await s.SeparateAsync(s.A, s.C);
        s.Append(0);
        await s.UntilAsync(() => s.Tail(s.B) == 2, "an entry on A and B");
        s.CutWay(s.A, s.B);
        await s.UntilAsync(() => s.Client(0).Unresolved == 0, "its acknowledgement");
        s.Expect(s.B.Replica(s.First.Id)!.GlobalTail == 1, "a global tail that B has not heard of");
        s.A.Crash();
        await s.Client(3).ObserveTailAsync();
    });

    /// <summary>Four clients find the sequencer dead.</summary>
    [Test, Category("Trap14")]
    public void Several_clients_who_see_one_failure_cause_one_reconfiguration([Range(1, 5)] int seed) => Catches(SimMutant.DuellingExtenders, "one failure, but", async s =>
    {
        for (var client = 0; client < 4; client++) await s.AppendedAsync(client);
        s.A.Crash();
        for (var client = 0; client < 4; client++) s.Append(client);
        await s.UntilAsync(() => s.Cluster.Clients.TrueForAll(c => c.Unresolved == 0 && c.Appender.Quota == 0), "all appended");
        await OnlyOneAsync(s);
    }, seed);

    /// <summary>The monitors of three nodes find one LogServer sealed, and nobody else there.</summary>
    [Test, Category("Trap14")]
    public void Several_monitors_who_see_one_seal_cause_one_reconfiguration([Range(1, 5)] int seed) => Catches(SimMutant.DuellingExtenders, "one failure, but", async s =>
    {
        await s.SealAsync(1);
        await s.UntilAsync(() => s.Cluster.Checks.Versions == 2, "a successor");
        await OnlyOneAsync(s);
    }, seed, hasMonitors: true);

    /// <summary>The answers of two acceptors to the writer do not arrive.</summary>
    [Test, Category("Trap15")]
    public void A_write_that_won_without_an_answer_keeps_its_Loglet() => Catches(SimMutant.TimedOutWriteLost, "no liveness", async s =>
    {
        var extending = s.Client(1).Reconfigurer.ExtendAsync("log0", s.First.Id);
        await s.UntilAsync(() => s.Cluster.Nodes.Count(n => n.Accepted("log0") == 2) >= 2, "version 2 accepted");
        s.CutWay(s.A, s.Client(1));
        s.CutWay(s.B, s.Client(1));
        await s.AppendedAsync(0);
        await s.World.Delay(2_500_000);
        s.Mend(s.A, s.Client(1));
        s.Mend(s.B, s.Client(1));
        await extending;
    });

    /// <summary>Power fails everywhere as soon as the writer knows that it won.</summary>
    [Test]
    public void An_acceptor_answers_only_what_is_durable() => Catches(SimMutant.UnsyncedPromise, "", async s =>
    {
        foreach (var node in s.Cluster.Nodes) node.Disk.SyncMicroseconds = 40_000;
        await s.ExtendAsync(1);
        s.Expect(s.Cluster.Checks.Versions == 2, "a second version");
        foreach (var node in s.Cluster.Nodes) node.Crash();
    });

    /// <summary>A round is out, one answer of its majority is late; meanwhile the Loglet is sealed by others, and the log has gone on.</summary>
    [Test, Category("Trap20")]
    public void A_request_for_the_tail_does_not_join_a_round_that_is_out() => Catches(SimMutant.JoinedRound, "checkTail said", async s =>
    {
        await s.SeparateAsync(s.A, s.C);
        s.CutWay(s.B, s.A);
        var first = s.Cluster.Network.AskAsync(s.Client(3), s.A, new CheckTail(s.First.Id, s.First.Incarnation), timeout: 10_000_000);
        await s.World.Delay(10_000);
        await s.SeparateAsync(s.Client(1), s.A);
        await s.ExtendAsync(1);
        await s.AppendedAsync(1);
        var second = s.Client(2).ObserveTailAsync();
        await s.World.Delay(10_000);
        s.Mend(s.A, s.B);
        await first;
        await second;
    });

    /// <summary>Position 2 is committed on the first stripe, 1 is missing on the second, and a follower waits at 2; then the Loglet is sealed.</summary>
    [Test, Category("Trap23")]
    public void Who_waits_beyond_the_tail_is_shown_nothing_that_a_seal_may_drop() => Catches(SimMutant.FollowedFromBeyondTail, "had been promised", async s =>
    {
        s.Client(1).RollsForward = false;
        await s.SeparateAsync(s.Client(1), s.Cluster.Node(s.Whole.Parts[1].SequencerNode));
        s.Append(1);
        await s.UntilAsync(() => s.Cluster.Nodes.TrueForAll(n => n.Replica(s.First.Id)?.GlobalTail == 2), "an entry at 2");
        s.Client(3).Follower.Position = 2;
        for (var replica = 0; replica < 3; replica++) await s.Client(3).Follower.TurnAsync(replica);
        var chain = await s.ExtendAsync(2);
        s.Expect(chain.Active.Start == 1, "a stop in front of the gap");
        await s.AppendedAsync(2);
        await s.Client(2).ObserveTailAsync();
    }, policy: LogPolicy.Striped(3, 2));

    private static async Task OnlyOneAsync(SimScript s)
    {
        await s.World.Delay(500_000);
        if (s.Cluster.Checks.Versions != 2) s.World.Violate($"one failure, but the chain is at version {s.Cluster.Checks.Versions}");
    }

    /// <summary>An entry that A alone holds; client 1, who does not see A, installs a stop in front of it and appends; client 2, who does, repairs B with it.</summary>
    private static async Task TwoObserversAsync(SimScript s)
    {
        await s.SeparateAsync(s.A, s.B);
        await s.SeparateAsync(s.A, s.C);
        s.Append(0);
        await s.UntilAsync(() => s.Tail(s.A) == 2, "an entry on A alone");
        await s.SeparateAsync(s.Client(1), s.A);
        var chain = await s.ExtendAsync(1);
        s.Expect(chain.Active.Start == 1, "a stop in front of the entry");
        await s.AppendedAsync(1);
        await s.SeparateAsync(s.Client(2), s.C);
        s.Expect(await s.SealAsync(2) == (TailOutcome.Sealed, 2), "a second observer with another tail");
        s.Expect(s.Tail(s.B) == 2, "a repaired replica");
    }

    private static void Catches(SimMutant mutant, string violation, Func<SimScript, Task> script, int seed = 1, bool hasMonitors = false, LogPolicy? policy = null)
    {
        Assert.That(SimScript.Play(SimMutant.None, script, seed, hasMonitors, policy), Is.Null, "without the mutant");

        // With the mutant chance has a part in some of the scripts.
        for (var tried = seed; tried < seed + 20; tried++)
        {
            if (SimScript.Play(mutant, script, tried, hasMonitors, policy) is not { } caught) continue;
            Assert.That(caught, Does.Contain(violation).And.Not.Contain("did not bring about").And.Not.Contain("Exception"));
            TestContext.Out.WriteLine($"{mutant}: scripted: {caught.Split('\n')[0]}");
            return;
        }

        Assert.Fail($"{mutant} was not caught");
    }
}
