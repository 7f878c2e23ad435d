using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.VirtualLogs;

/// <summary>What an application sees of a log while its segments come and go.</summary>
public class DelosLogTests
{
    private MemoryCluster _cluster = new();
    private DelosClient _client = new MemoryCluster().Client();
    private DelosLog _log = new MemoryCluster().Client().Log("x");

    [SetUp]
    public void Open()
    {
        _cluster = new MemoryCluster();
        _client = _cluster.Client();
        _log = _client.Log("log");
    }

    [TearDown]
    public async Task Close() => await _cluster.DisposeAsync();

    [Test]
    public async Task Positions_rise_in_call_order_however_many_are_outstanding()
    {
        var tasks = Enumerable.Range(0, 5000).Select(i => _log.AppendAsync(BitConverter.GetBytes(i)).AsTask()).ToList();
        var positions = await Task.WhenAll(tasks);
        Assert.That(positions, Is.EqualTo(Enumerable.Range(0, 5000).Select(i => (long)i)));
    }

    [Test]
    public async Task What_was_appended_is_read_back_with_its_append_id()
    {
        var payload = new byte[] { 1, 2, 3 };
        var position = await _log.AppendAsync(payload);
        var entries = await _log.ReadAsync(0).ToListAsync();
        Assert.That(entries, Has.Count.EqualTo(1));
        Assert.That(entries[0].Payload.ToArray(), Is.EqualTo(payload));
        Assert.That((entries[0].Position, entries[0].AppendId), Is.EqualTo((position, new AppendId(_log.ClientId, 1))));
    }

    [Test]
    public async Task What_failed_while_the_reader_was_busy_is_asked_again_without_blame()
    {
        var patience = TimeSpan.FromMilliseconds(300);
        var log = _cluster.Client(MemoryCluster.Quick with { ReadBytes = 1, OperationTimeout = patience }).Log("log");
        for (byte i = 0; i < 4; i++) await log.AppendAsync(new[] { i });
        await using var entries = log.ReadAsync(0).GetAsyncEnumerator();
        Assert.That(await entries.MoveNextAsync(), Is.True);

        // The fourth is asked for when the second is delivered, and fails; the reader takes longer than any operation may.
        var failed = 0;
        _cluster.Faults.OnRead = position => position == 3 && Interlocked.Increment(ref failed) == 1 ? new LogletException(LogletId.NewRandom(), StatusCode.Unavailable, "out of reach") : null;
        Assert.That(await entries.MoveNextAsync(), Is.True);
        Assert.That(failed, Is.EqualTo(1));
        await Task.Delay(patience * 1.5);
        Assert.That(await entries.MoveNextAsync(), Is.True);
        Assert.That(await entries.MoveNextAsync(), Is.True);
        Assert.That(entries.Current.Payload.Span[0], Is.EqualTo(3));
    }

    [TestCase(0)]
    [TestCase(65_503)]
    [TestCase(65_504)]
    [TestCase(65_505)]
    [TestCase(1 << 20)]
    public async Task Entries_of_every_size_come_back_intact(int size)
    {
        var payload = new byte[size];
        Random.Shared.NextBytes(payload);
        await _log.AppendAsync(payload);
        var entry = (await _log.ReadAsync(0).ToListAsync()).Single();
        Assert.That(entry.Payload.Span.SequenceEqual(payload));
    }

    [Test]
    public async Task Entry_over_the_limit_is_refused_before_it_is_sent()
    {
        var error = await Assert.ThrowsAsync<DelosException>(async () => await _log.AppendAsync(new byte[(1 << 20) + 1]));
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.LimitExceeded));
        Assert.That(await _log.CheckTailAsync(), Is.Zero);
    }

    [Test, Category("Trap04")]
    public async Task Tail_of_a_sealed_segment_never_reaches_the_application()
    {
        await _log.AppendAsync(new byte[1]);

        // An observer of the sealed segment would compute 3: one acknowledged, two assigned and never acknowledged.
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        var held = new[] { _log.AppendAsync(new byte[1]).AsTask(), _log.AppendAsync(new byte[1]).AsTask() };
        await AssignedAsync(3);
        _cluster.Faults.SealedTail = (committed, _) => committed;
        await _client.Admin.SealAsync("log");
        _cluster.Faults.SealedTail = (_, assigned) => assigned;
        _cluster.Faults.OnAppend = null;
        var tail = await _log.CheckTailAsync();
        var chain = await _client.Admin.ChainAsync("log");
        Assert.That(chain.Segments, Has.Count.GreaterThan(1));
        Assert.That(tail, Is.GreaterThanOrEqualTo(chain.Segments[0].Stop!.Value));
        await Task.WhenAll(held);
        Assert.That((await _cluster.ContentsAsync("log")).Select(e => e.Id.Sequence), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test, Category("Trap12")]
    public async Task Log_whose_sealer_died_goes_on_with_the_next_append()
    {
        await _log.AppendAsync(new byte[1]);
        await _client.Admin.SealAsync("log");
        Assert.That(await _log.AppendAsync(new byte[1]), Is.EqualTo(1));
        Assert.That((await _client.Admin.ChainAsync("log")).Segments, Has.Count.EqualTo(2));
    }

    [Test, Category("Trap12")]
    public async Task Log_whose_sealer_died_goes_on_with_the_next_checkTail()
    {
        await _log.AppendAsync(new byte[1]);
        await _client.Admin.SealAsync("log");
        Assert.That(await _log.CheckTailAsync(), Is.EqualTo(1));
    }

    [Test, Category("Trap13")]
    public async Task Rolling_forward_uses_a_fresh_Loglet()
    {
        for (var i = 0; i < 3; i++)
        {
            await _log.AppendAsync(new byte[1]);
            await _client.Admin.SealAsync("log");
        }

        await _log.AppendAsync(new byte[1]);
        Assert.That((await _client.Admin.ChainAsync("log")).Segments.Select(s => s.Loglet.Id), Is.Unique);
    }

    [Test, Category("Trap17")]
    public async Task Appends_assigned_but_not_acknowledged_before_a_seal_are_neither_lost_nor_doubled()
    {
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;

        // Of ten assigned, the observer whose chain is installed sees four.
        _cluster.Faults.SealedTail = (_, _) => 4;
        var tasks = Enumerable.Range(0, 10).Select(i => _log.AppendAsync(BitConverter.GetBytes(i)).AsTask()).ToList();
        await AssignedAsync(10);
        _cluster.Faults.OnAppend = null;
        await _client.Admin.ReconfigExtendAsync("log");
        Assert.That(await Task.WhenAll(tasks), Is.EqualTo(Enumerable.Range(0, 10).Select(i => (long)i)));
        Assert.That((await _cluster.ContentsAsync("log")).Select(e => BitConverter.ToInt32(e.Payload)), Is.EqualTo(Enumerable.Range(0, 10)));
    }

    [Test, Category("Trap17")]
    public async Task Append_whose_answer_was_lost_is_found_not_repeated()
    {
        var faults = 0;
        _cluster.Faults.OnAppend = _ => Interlocked.Increment(ref faults) == 1 ? MemoryAppendFault.LoseAnswer : MemoryAppendFault.None;
        Assert.That(await _log.AppendAsync(new byte[] { 9 }), Is.EqualTo(0));
        Assert.That(await _cluster.ContentsAsync("log"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Appends_go_on_while_the_MetaStore_is_down()
    {
        await _log.AppendAsync(new byte[1]);
        _cluster.MetaStore.IsDown = true;
        for (var i = 1; i < 10; i++) Assert.That(await _log.AppendAsync(new byte[1]), Is.EqualTo(i));
        Assert.That(await _log.CheckTailAsync(), Is.EqualTo(10));
        Assert.That(await _log.ReadAsync(0).CountAsync(), Is.EqualTo(10));
    }

    [Test]
    public async Task Lost_requests_are_resent_to_the_same_segment_while_nobody_can_reconfigure()
    {
        await _log.AppendAsync(new byte[1]);
        _cluster.MetaStore.IsDown = true;
        var lost = 0;
        _cluster.Faults.OnAppend = _ => Interlocked.Increment(ref lost) <= 3 ? MemoryAppendFault.LoseRequest : MemoryAppendFault.None;
        var tasks = Enumerable.Range(0, 5).Select(_ => _log.AppendAsync(new byte[1]).AsTask()).ToList();

        // A MemoryLoglet loses single requests, so the order is lost as well; over a connection what follows a lost one is lost too.
        Assert.That(await Task.WhenAll(tasks), Is.EquivalentTo(new long[] { 1, 2, 3, 4, 5 }));
        _cluster.MetaStore.IsDown = false;
        Assert.That(await _cluster.ContentsAsync("log"), Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Nothing_sent_means_a_clear_failure_when_the_cluster_stays_away()
    {
        _cluster.MetaStore.IsDown = true;
        await using var client = _cluster.Client(MemoryCluster.Quick with { OperationTimeout = TimeSpan.FromMilliseconds(50) });
        var error = await Assert.ThrowsAsync<DelosException>(async () => await client.Log("log").AppendAsync(new byte[1]));
        Assert.That((error!.Code, error.IsTransient), Is.EqualTo((DelosErrorCode.Unavailable, true)));
        _cluster.MetaStore.IsDown = false;
        Assert.That(await client.Log("log").AppendAsync(new byte[1]), Is.EqualTo(0), "The handle recovers.");
    }

    [Test]
    public async Task Missing_log_is_not_created_unless_asked_for()
    {
        var log = _client.Log("other", new LogOptions { CreateIfMissing = false });
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await log.AppendAsync(new byte[1])))!.Code, Is.EqualTo(DelosErrorCode.NotFound));
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await log.CheckTailAsync()))!.Code, Is.EqualTo(DelosErrorCode.NotFound));
        Assert.That(await _client.Admin.ListLogsAsync(), Is.Empty);
    }

    [Test, Category("Trap17")]
    public void More_appends_in_flight_than_sequencers_remember_are_no_option()
    {
        Assert.That((DelosClientOptions.Default with { MaxInFlightAppends = Append.MaxWindow }).Validate, Throws.Nothing);
        Assert.That((DelosClientOptions.Default with { MaxInFlightAppends = Append.MaxWindow + 1 }).Validate, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task Appends_beyond_the_limit_wait_their_turn_and_keep_their_order()
    {
        await using var client = _cluster.Client(MemoryCluster.Quick with { MaxInFlightAppends = 4 });
        var log = client.Log("small");
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        var tasks = Enumerable.Range(0, 20).Select(i => log.AppendAsync(BitConverter.GetBytes(i)).AsTask()).ToList();
        while ((await _cluster.Chains.ReadAsync("small")) is null) await Task.Yield();
        var loglet = (await _cluster.ChainAsync("small")).Active.Loglet.Id;
        while (!tasks.All(t => t.IsCompleted))
        {
            _cluster.Memory.CommitHeld(loglet);
            await Task.Delay(1);
        }

        Assert.That(await Task.WhenAll(tasks), Is.EqualTo(Enumerable.Range(0, 20).Select(i => (long)i)));
    }

    [Test]
    public async Task Cancelled_wait_for_room_appends_nothing()
    {
        await using var client = _cluster.Client(MemoryCluster.Quick with { MaxInFlightAppends = 1 });
        var log = client.Log("small");
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        var first = log.AppendAsync(new byte[1]).AsTask();
        using var cancel = new CancellationTokenSource();
        var second = log.AppendAsync(new byte[1], cancel.Token).AsTask();
        await cancel.CancelAsync();
        Assert.That(async () => await second, Throws.InstanceOf<OperationCanceledException>());
        var third = log.AppendAsync(new byte[1]).AsTask();
        _cluster.Faults.OnAppend = null;
        while (await _cluster.Chains.ReadAsync("small") is null) await Task.Yield();
        while (!first.IsCompleted)
        {
            _cluster.Memory.CommitHeld((await _cluster.ChainAsync("small")).Active.Loglet.Id);
            await Task.Delay(1);
        }

        Assert.That((await first, await third), Is.EqualTo((0L, 1L)));
    }

    [Test]
    public async Task Cancelled_append_ends_the_wait_and_the_handle_lives_on()
    {
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        using var cancel = new CancellationTokenSource();
        var append = _log.AppendAsync(new byte[1], cancel.Token).AsTask();
        await AssignedAsync(1);
        await cancel.CancelAsync();
        Assert.That(async () => await append, Throws.InstanceOf<OperationCanceledException>());
        _cluster.Faults.OnAppend = null;
        _cluster.Memory.CommitHeld((await _cluster.ChainAsync("log")).Active.Loglet.Id);
        Assert.That(await _log.AppendAsync(new byte[1]), Is.EqualTo(1));
    }

    [Test, Category("Trap18")]
    public async Task Trim_never_passes_the_tail_and_reads_below_it_say_Trimmed()
    {
        await _log.AppendBatchAsync([new byte[1], new byte[1], new byte[1]]);
        await _client.Admin.ReconfigExtendAsync("log");
        await _log.AppendAsync(new byte[1]);
        Assert.That(await _log.TrimAsync(2), Is.EqualTo(2));
        Assert.That(await _log.FirstPositionAsync(), Is.EqualTo(2));
        Assert.That(await _log.TrimAsync(100), Is.EqualTo(4));
        Assert.That(await _log.FirstPositionAsync(), Is.EqualTo(4));
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await _log.ReadAsync(0).ToListAsync()))!.Code, Is.EqualTo(DelosErrorCode.Trimmed));
        Assert.That(await _log.AppendAsync(new byte[1]), Is.EqualTo(4));
    }

    [Test]
    public async Task Reads_cross_segments_and_stop_where_they_are_told()
    {
        for (var i = 0; i < 30; i++)
        {
            await _log.AppendAsync(BitConverter.GetBytes(i));
            if (i % 7 == 6) await _client.Admin.ReconfigExtendAsync("log");
        }

        var some = await _log.ReadAsync(5, 23).ToListAsync();
        Assert.That(some.Select(e => BitConverter.ToInt32(e.Payload.Span)), Is.EqualTo(Enumerable.Range(5, 18)));
        Assert.That(some.Select(e => e.Position), Is.EqualTo(Enumerable.Range(5, 18).Select(i => (long)i)));
    }

    [Test]
    public async Task Modified_segment_is_read_by_a_handle_that_knew_the_old_chain()
    {
        await _log.AppendBatchAsync([new byte[1], new byte[1]]);
        var chain = (await _client.Admin.ReconfigExtendAsync("log")).Chain;
        Assert.That(await _log.ReadAsync(0).CountAsync(), Is.EqualTo(2));
        await using var operators = _cluster.Client();
        await operators.Admin.ReconfigModifyAsync("log", chain.Segments[0].Loglet.Id);
        Assert.That(await _log.ReadAsync(0).CountAsync(), Is.EqualTo(2));
    }

    [Test]
    public async Task Planned_reconfiguration_under_load_fails_and_doubles_nothing()
    {
        // Makes the log.
        await _log.CheckTailAsync();
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var positions = new List<long>();
            while (!stop.IsCancellationRequested) positions.Add(await _log.AppendAsync(new byte[16]));
            return positions;
        })).ToList();
        ulong before = 0;
        for (var i = 0; i < 20; i++)
        {
            await Task.Delay(5);

            // On a busy machine a writer may lose patience with the sealed segment, and be first.
            var version = (await _client.Admin.ReconfigExtendAsync("log")).Chain.Version;
            Assert.That(version, Is.GreaterThan(before));
            before = version;
        }

        await stop.CancelAsync();
        var positions = (await Task.WhenAll(writers)).SelectMany(p => p).Order().ToList();
        Assert.That(positions, Is.EqualTo(Enumerable.Range(0, positions.Count).Select(i => (long)i)));
        Assert.That((await _cluster.ContentsAsync("log")).Select(e => e.Position), Is.EqualTo(positions));
    }

    [Test]
    public async Task Disposed_handle_answers_what_is_outstanding_and_refuses_the_rest()
    {
        var options = MemoryCluster.Quick with { CloseTimeout = TimeSpan.FromMilliseconds(20) };
        var client = _cluster.Client(options);
        var log = client.Log("log");
        _cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        var held = log.AppendAsync(new byte[1]).AsTask();
        await AssignedAsync(1);
        await client.DisposeAsync();
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await held))!.Code, Is.EqualTo(DelosErrorCode.OutcomeUnknown));
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await log.AppendAsync(new byte[1])))!.Code, Is.EqualTo(DelosErrorCode.Closed));
    }

    [Test]
    public void Log_names_and_endpoints_are_checked()
    {
        Assert.That(() => _client.Log("no spaces"), Throws.ArgumentException);
        Assert.That(() => _client.Log(new string('x', 201)), Throws.ArgumentException);
        Assert.That(Endpoints.Parse("delos://a:1,[::1]:2"), Is.EqualTo(new[] { ("a", 1), ("::1", 2) }));
        Assert.That(() => Endpoints.Parse("delos://a"), Throws.TypeOf<FormatException>());
    }

    [Test]
    public async Task Creating_a_log_twice_is_a_conflict_that_says_so()
    {
        await _client.Admin.CreateLogAsync("twice", LogPolicy.Default);
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await _client.Admin.CreateLogAsync("twice")))!.Code, Is.EqualTo(DelosErrorCode.AlreadyExists));
        Assert.That((await Assert.ThrowsAsync<DelosException>(async () => await _client.Admin.ReconfigExtendAsync("twice", new ReconfigExtendOptions { ExpectedVersion = 9 })))!.Code, Is.EqualTo(DelosErrorCode.Conflict));
    }

    /// <summary>Waits until the active Loglet has assigned so many positions.</summary>
    private async Task AssignedAsync(long count)
    {
        while (await _cluster.Chains.ReadAsync("log") is not { } chain || await AssignedIn(chain) < count) await Task.Yield();
    }

    private async Task<long> AssignedIn(Chain chain)
    {
        await using var loglet = _cluster.Memory.Open(chain.Active.Loglet);
        return (await loglet.DescribeAsync(default)).Replicas[0].DurableTail;
    }
}
