using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.MetaStore;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.VirtualLogs;

/// <summary>Racing and failing reconfigurations over Loglets and a MetaStore in memory.</summary>
public class ReconfigurerTests
{
    private const string Name = "log";

    private MemoryCluster _cluster = new();
    private Reconfigurer _reconfigurer = new MemoryCluster().Reconfigurer();

    [SetUp]
    public async Task CreateLog()
    {
        _cluster = new MemoryCluster();
        _reconfigurer = _cluster.Reconfigurer();
        var (_, created) = await _reconfigurer.CreateAsync(Name, LogPolicy.Default);
        Assert.That(created, Is.True);
    }

    [TearDown]
    public async Task Close()
    {
        await _reconfigurer.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task Extension_gives_the_old_segment_its_stop_and_begins_the_new_one_there()
    {
        await AppendAsync(5);
        var result = await _reconfigurer.ExtendAsync(Name, await RequestAsync());
        Assert.That(result.Won, Is.True);
        Assert.That(result.Chain.Segments.Select(s => (s.Start, s.Stop)), Is.EqualTo(new (long, long?)[] { (0, 5), (5, null) }));
        Assert.That(result.Chain.Version, Is.EqualTo(2));
    }

    [Test, Category("Trap14")]
    public async Task Two_observers_of_one_failure_cause_one_reconfiguration()
    {
        var request = await RequestAsync();
        var rivals = Enumerable.Range(0, 8).Select(_ => _cluster.Reconfigurer()).ToList();
        var results = await Task.WhenAll(rivals.Select(r => Task.Run(() => r.ExtendAsync(Name, request).AsTask())));
        foreach (var rival in rivals) await rival.DisposeAsync();
        Assert.That(results.Count(r => r.Won), Is.EqualTo(1));
        var chain = await _cluster.ChainAsync(Name);
        Assert.That(chain.Version, Is.EqualTo(2));
        Assert.That(results.Select(r => r.Chain.Active.InstallId).Distinct().Count(), Is.EqualTo(1), "All go on with the chain that won.");
    }

    [Test, Category("Trap14")]
    public async Task Late_extender_does_not_seal_the_segment_that_replaced_the_one_it_meant()
    {
        var late = await RequestAsync();
        await _reconfigurer.ExtendAsync(Name, late);
        var result = await _reconfigurer.ExtendAsync(Name, late);
        Assert.That(result.Won, Is.False);
        await using var active = _cluster.Open(result.Chain.Active.Loglet);
        Assert.That((await active.CheckTailAsync(default)).IsSealed, Is.False);
    }

    [Test]
    public async Task Losers_candidate_is_deleted_and_the_winners_is_not()
    {
        var request = await RequestAsync();
        var rival = _cluster.Reconfigurer();
        await Task.WhenAll(Task.Run(() => rival.ExtendAsync(Name, request).AsTask()), Task.Run(() => _reconfigurer.ExtendAsync(Name, request).AsTask()));
        await rival.DisposeAsync();
        await _reconfigurer.DisposeAsync();
        var chain = await _cluster.ChainAsync(Name);
        var lost = _cluster.Placed.Where(p => chain.Segments.All(s => s.Loglet.Id != p.Id)).Select(p => p.Id).ToList();
        Assert.That(_cluster.Deleted.Keys, Is.EquivalentTo(lost));
    }

    [Test]
    public async Task Chain_without_room_for_another_segment_is_left_open([Values] bool isDown)
    {
        await AppendAsync(1);
        var chain = await _cluster.ChainAsync(Name);
        var segments = new List<Segment>();
        for (var i = 1; i < Chain.MaxSegments; i++) segments.Add(chain.Active with { Stop = 0, InstallId = Guid.NewGuid(), Loglet = Client.Loglets.MemoryLogletFactory.NewConfig() });
        segments.Add(chain.Active);
        Assert.That((await _cluster.Chains.WriteAsync(Name, new Chain(chain.Version + 1, chain.Policy, segments, chain.History))).Won);
        var placed = _cluster.Placed.Count;
        var error = await Assert.ThrowsAsync<DelosException>(async () => await _reconfigurer.ExtendAsync(Name, new ExtendRequest(chain.Active.Loglet.Id) { IsDown = isDown }));
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.LimitExceeded));
        await using var active = _cluster.Open(chain.Active.Loglet);
        Assert.That((await active.CheckTailAsync(default)).IsSealed, Is.False, "it can be appended to until somebody truncates the log");
        Assert.That(_cluster.Placed, Has.Count.EqualTo(placed), "no candidate is left behind");
    }

    [Test, Category("Trap15")]
    public async Task Write_whose_answer_was_lost_is_recognised_as_won()
    {
        var faults = new Queue<WriteFault>([WriteFault.LoseAnswer]);
        _cluster.MetaStore.OnWrite = () => faults.TryDequeue(out var fault) ? fault : WriteFault.None;
        var result = await _reconfigurer.ExtendAsync(Name, await RequestAsync());
        await _reconfigurer.DisposeAsync();
        Assert.That((result.Won, result.Chain.Version), Is.EqualTo((true, 2)));
        Assert.That(_cluster.Deleted.Keys, Does.Not.Contain(result.Chain.Active.Loglet.Id));
    }

    [Test, Category("Trap15")]
    public async Task Win_is_recognised_even_if_later_versions_followed()
    {
        var other = _cluster.Reconfigurer();
        var first = true;
        _cluster.MetaStore.OnWrite = () =>
        {
            if (!first) return WriteFault.None;
            first = false;
            return WriteFault.LoseAnswer;
        };
        var extending = _reconfigurer.ExtendAsync(Name, await RequestAsync()).AsTask();

        // As soon as the first extension is in, another one follows, before its author has read back.
        while ((await _cluster.ChainAsync(Name)).Version < 2) await Task.Yield();
        var second = await other.ExtendAsync(Name, await RequestAsync());
        var result = await extending;
        await other.DisposeAsync();
        Assert.That((result.Won, second.Won), Is.EqualTo((true, true)));
        Assert.That((await _cluster.ChainAsync(Name)).Version, Is.EqualTo(3));
    }

    [Test]
    public async Task A_segment_in_which_nothing_was_appended_leaves_the_chain_and_its_Loglet_is_deleted()
    {
        var empty = (await _cluster.ChainAsync(Name)).Active;
        for (var i = 0; i < 5; i++) Assert.That((await _reconfigurer.ExtendAsync(Name, await RequestAsync())).Won);
        var chain = await _cluster.ChainAsync(Name);
        await _reconfigurer.DisposeAsync();
        Assert.That(chain.Segments.Select(s => (s.Start, s.Stop)), Is.EqualTo(new[] { (0L, (long?)null) }));
        Assert.That(_cluster.Deleted.Keys, Has.Count.EqualTo(5).And.Contain(empty.Loglet.Id).And.Not.Contain(chain.Active.Loglet.Id));
        Assert.That(chain.FindEnded(empty)?.Stop, Is.EqualTo(0), "whose appends are parked in it learns that they are not in the log");
    }

    [Test, Category("Trap15")]
    public async Task Candidate_is_kept_while_its_write_may_still_win()
    {
        _cluster.MetaStore.OnWrite = () => WriteFault.LoseRequest;
        var error = await Assert.ThrowsAsync<DelosException>(async () => await _reconfigurer.ExtendAsync(Name, await RequestAsync()));
        await _reconfigurer.DisposeAsync();
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.Unavailable));
        Assert.That(_cluster.Deleted, Is.Empty);
    }

    [Test, Category("Trap13")]
    public async Task Candidate_that_its_sequencer_does_not_open_is_replaced_by_a_fresh_one()
    {
        var refused = 0;
        _cluster.OnOpen = _ => refused++ == 0 ? StatusCode.WrongIncarnation : StatusCode.Ok;
        var result = await _reconfigurer.ExtendAsync(Name, await RequestAsync());
        Assert.That(result.Won, Is.True);
        Assert.That(_cluster.Placed.Select(p => p.Id), Is.Unique);
        Assert.That(result.Chain.Active.Loglet.Id, Is.EqualTo(_cluster.Placed.Last().Id));
    }

    [Test]
    public async Task Nothing_is_sealed_if_no_candidate_can_be_opened()
    {
        _cluster.OnOpen = _ => StatusCode.Unavailable;
        await Assert.ThrowsAsync<DelosException>(async () => await _reconfigurer.ExtendAsync(Name, await RequestAsync()));
        await using var active = _cluster.Open((await _cluster.ChainAsync(Name)).Active.Loglet);
        Assert.That((await active.CheckTailAsync(default)).IsSealed, Is.False);
    }

    [Test]
    public async Task Segment_that_is_down_is_sealed_without_waiting_for_its_successor()
    {
        var request = await RequestAsync() with { IsDown = true };
        await using var active = _cluster.Open((await _cluster.ChainAsync(Name)).Active.Loglet);
        var wasSealed = false;
        _cluster.OnOpen = _ =>
        {
            wasSealed = active.CheckTailAsync(default).AsTask().GetAwaiter().GetResult().IsSealed;
            return StatusCode.Ok;
        };
        var result = await _reconfigurer.ExtendAsync(Name, request);
        Assert.That((result.Won, wasSealed), Is.EqualTo((true, true)));
    }

    [Test, Category("Trap12")]
    public async Task Segment_that_was_sealed_while_no_successor_could_be_opened_gets_one_at_the_next_attempt()
    {
        var request = await RequestAsync() with { IsDown = true };
        _cluster.OnOpen = _ => StatusCode.Unavailable;
        await Assert.ThrowsAsync<DelosException>(async () => await _reconfigurer.ExtendAsync(Name, request));
        _cluster.OnOpen = null;
        Assert.That((await _reconfigurer.ExtendAsync(Name, request)).Won, Is.True);
        await AppendAsync(1);
    }

    [Test]
    public async Task Extension_goes_on_over_a_truncation_that_came_between()
    {
        await AppendAsync(3);
        await _reconfigurer.ExtendAsync(Name, await RequestAsync());
        var request = await RequestAsync();
        var other = _cluster.Reconfigurer();
        var truncated = false;
        _cluster.OnOpen = _ =>
        {
            if (!truncated) truncated = other.TruncateAsync(Name, 3, "test").AsTask().GetAwaiter().GetResult().Won;
            return StatusCode.Ok;
        };
        var result = await _reconfigurer.ExtendAsync(Name, request);
        await other.DisposeAsync();
        Assert.That((truncated, result.Won, result.Chain.Version), Is.EqualTo((true, true, 4ul)));
        Assert.That(result.Chain.Start, Is.EqualTo(3));
    }

    [Test]
    public async Task Extension_bound_to_a_version_does_nothing_on_another()
    {
        var request = await RequestAsync() with { ExpectedVersion = 7 };
        Assert.That((await _reconfigurer.ExtendAsync(Name, request)).Won, Is.False);
        Assert.That((await _cluster.ChainAsync(Name)).Version, Is.EqualTo(1));
    }

    [Test]
    public async Task Truncation_drops_whole_segments_below_the_position_and_deletes_their_Loglets()
    {
        await AppendAsync(3);
        var first = (await _reconfigurer.ExtendAsync(Name, await RequestAsync())).Chain.Segments[0];
        await AppendAsync(3);
        await _reconfigurer.ExtendAsync(Name, await RequestAsync());
        var result = await _reconfigurer.TruncateAsync(Name, 5, "test");
        Assert.That((result.Won, result.Chain.Start), Is.EqualTo((true, 3L)));
        Assert.That(_cluster.Deleted.Keys, Is.EqualTo(new[] { first.Loglet.Id }));
    }

    /// <summary>An empty segment at the chain's start: dropping it leaves the start where it is, so the start does not tell who won.</summary>
    [Test, Category("Trap15")]
    public async Task Truncation_that_lost_to_an_extension_is_not_taken_for_won()
    {
        await AppendAsync(3);

        // Extensions leave empty segments out; chains of before hold them.
        var chain = await _cluster.ChainAsync(Name);
        var empty = new Segment(0, 0, chain.Active.Loglet with { Id = LogletId.NewRandom() }, Guid.NewGuid(), 1);
        await new ChainStore(_cluster.MetaStore).WriteAsync(Name, chain with { Version = chain.Version + 1, Segments = [empty, .. chain.Segments] });
        await using var other = _cluster.Reconfigurer();
        var extension = await RequestAsync();
        var extended = false;
        _cluster.MetaStore.OnWrite = () =>
        {
            if (extended) return WriteFault.None;
            extended = true;
            Assert.That(other.ExtendAsync(Name, extension).AsTask().GetAwaiter().GetResult().Won, Is.True);
            return WriteFault.None;
        };
        var result = await _reconfigurer.TruncateAsync(Name, 0, "test");
        Assert.That(result.Won, Is.True);
        chain = await _cluster.ChainAsync(Name);
        Assert.That(chain.Segments.Select(s => (s.Start, s.Stop)), Is.EqualTo(new (long, long?)[] { (0, 3), (3, null) }), "what was deleted is in no chain");
    }

    [Test]
    public async Task Modification_moves_a_sealed_segment_bit_by_bit_and_keeps_bounds_and_append_ids()
    {
        await AppendAsync(20);
        var old = (await _reconfigurer.ExtendAsync(Name, await RequestAsync())).Chain.Segments[0];
        var before = await _cluster.ContentsAsync(Name);
        var result = await _reconfigurer.ModifyAsync(Name, old.Loglet.Id, new ReconfigModifyOptions());
        var after = await _cluster.ContentsAsync(Name);
        Assert.That(result.Won, Is.True);
        Assert.That(result.Chain.Segments[0], Is.EqualTo(old with { Loglet = result.Chain.Segments[0].Loglet }));
        Assert.That(result.Chain.Segments[0].Loglet.Id, Is.Not.EqualTo(old.Loglet.Id));
        Assert.That(after.Select(e => (e.Position, e.Id)), Is.EqualTo(before.Select(e => (e.Position, e.Id))));
        Assert.That(_cluster.Deleted.Keys, Is.EqualTo(new[] { old.Loglet.Id }));
    }

    [Test, Category("Trap22")]
    public async Task Copy_ends_at_the_stop_of_the_installed_chain()
    {
        // The observer whose tail was installed saw less than all that had been assigned.
        await AppendAsync(3);
        _cluster.Faults.OnAppend = _ => Client.Loglets.MemoryAppendFault.Hold;
        _cluster.Faults.SealedTail = static (committed, _) => committed;
        await using var client = _cluster.Client();
        var held = client.Log(Name).AppendAsync(new byte[1]).AsTask();
        await using var watch = _cluster.Memory.Open((await _cluster.ChainAsync(Name)).Active.Loglet);
        while ((await watch.DescribeAsync(default)).Replicas[0].DurableTail < 4) await Task.Yield();
        _cluster.Faults.OnAppend = null;
        var old = (await _reconfigurer.ExtendAsync(Name, await RequestAsync())).Chain.Segments[0];
        Assert.That(await held, Is.EqualTo(3), "Not in the old segment: appended anew.");
        var result = await _reconfigurer.ModifyAsync(Name, old.Loglet.Id, new ReconfigModifyOptions());
        await using var copy = _cluster.Memory.Open(result.Chain.Segments[0].Loglet);
        Assert.That((await copy.DescribeAsync(default)).Replicas[0].DurableTail, Is.EqualTo(3));
    }

    [Test]
    public async Task Active_segment_cannot_be_modified()
    {
        var active = (await _cluster.ChainAsync(Name)).Active;
        var error = await Assert.ThrowsAsync<DelosException>(async () => await _reconfigurer.ModifyAsync(Name, active.Loglet.Id, new ReconfigModifyOptions()));
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.InvalidRequest));
    }

    private async Task<ExtendRequest> RequestAsync() => new((await _cluster.ChainAsync(Name)).Active.Loglet.Id) { Reason = "test" };

    private async Task AppendAsync(int count)
    {
        await using var client = _cluster.Client();
        await client.Log(Name).AppendBatchAsync([.. Enumerable.Range(0, count).Select(i => (ReadOnlyMemory<byte>)BitConverter.GetBytes(i))]);
    }
}
