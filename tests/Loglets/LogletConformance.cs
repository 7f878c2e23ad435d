using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Tests.Loglets;

/// <summary>What every Loglet does, whatever it is made of. Derive, and say how to make one.</summary>
public abstract class LogletConformance
{
    private readonly List<ILoglet> _opened = [];
    private ulong _clients;

    /// <summary>Starts what Loglets are made of, once per test.</summary>
    protected abstract Task<ILogletFactory> StartAsync();

    /// <summary>Makes a new, empty Loglet, ready for appends.</summary>
    protected abstract Task<LogletConfig> CreateAsync();

    protected abstract Task StopAsync();

    /// <summary>One log, not several in turns: appends that several clients have under way at a time leave no gap records and keep each client's order, and a read brings exactly what fits.</summary>
    protected virtual bool IsDense => true;

    /// <summary>The largest payload that must go through.</summary>
    protected virtual int LargestPayload => 1 << 20;

    private ILogletFactory Factory { get; set; } = new MemoryLogletFactory();

    [SetUp]
    public async Task SetUp() => Factory = await StartAsync();

    [TearDown]
    public async Task TearDown()
    {
        foreach (var loglet in _opened) await loglet.DisposeAsync();
        _opened.Clear();
        await StopAsync();
    }

    [Test]
    public async Task Appends_get_the_positions_from_0_in_order()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        for (var i = 0; i < 20; i++) Assert.That(await appender.PutAsync($"entry {i}"), Is.EqualTo(i));
        Assert.That(await loglet.ReadAllAsync(0, 20), Is.EqualTo(Enumerable.Range(0, 20).Select(i => $"entry {i}")));
    }

    [Test]
    public async Task Pipelined_appends_keep_their_order()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        var ops = new List<TestOp>();
        for (var i = 0; i < 2000; i++)
        {
            ops.Add(appender.Start($"entry {i}"));
            if (i % 7 == 0) loglet.Flush();
        }

        loglet.Flush();
        for (var i = 0; i < ops.Count; i++) Assert.That(await ops[i].Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, (long)i)));
        Assert.That(await loglet.ReadAllAsync(0, 2000), Is.EqualTo(Enumerable.Range(0, 2000).Select(i => $"entry {i}")));
    }

    [Test]
    public async Task An_empty_Loglet_has_tail_0_and_is_open()
    {
        var loglet = await NewAsync();
        Assert.That(await TailAsync(loglet), Is.EqualTo(new TailResult(0, false)));
    }

    [Test]
    public async Task The_tail_covers_every_append_acknowledged_before_also_those_of_others()
    {
        var (writer, reader) = await TwoAsync();
        using var appender = Appender(writer);
        for (var i = 1; i <= 10; i++)
        {
            await appender.PutAsync("x");
            Assert.That(await TailAsync(reader), Is.EqualTo(new TailResult(i, false)));
        }
    }

    [Test]
    public async Task Concurrent_checks_of_the_tail_each_cover_what_was_acknowledged_before_them()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        using var stop = new CancellationTokenSource();
        var acknowledged = 0L;
        var checkers = Enumerable.Range(0, 8).Select(async _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                await Task.Yield();
                var before = Volatile.Read(ref acknowledged);
                var tail = await TailAsync(loglet);
                Assert.That(tail.Tail, Is.GreaterThanOrEqualTo(before));
            }
        }).ToArray();
        for (var i = 0; i < 200; i++) Volatile.Write(ref acknowledged, await appender.PutAsync("x") + 1);
        await stop.CancelAsync();
        await Task.WhenAll(checkers).WaitAsync(Patience.Long);
    }

    [Test]
    public async Task The_known_tail_follows_acknowledgements_and_open_tails()
    {
        var (writer, reader) = await TwoAsync();
        using var appender = Appender(writer);
        await appender.PutManyAsync(5, i => $"{i}");
        Assert.That(writer.KnownTail, Is.EqualTo(5));
        Assert.That(reader.KnownTail, Is.EqualTo(0));
        await TailAsync(reader);
        Assert.That(reader.KnownTail, Is.EqualTo(5));
    }

    [Test, Category("Trap03")]
    public async Task A_sealed_tail_never_raises_the_known_tail()
    {
        var (writer, observer) = await TwoAsync();
        using var appender = Appender(writer);
        await appender.PutManyAsync(5, i => $"{i}");
        Assert.That(await SealAsync(observer), Is.EqualTo(new TailResult(5, true)));
        Assert.That(await TailAsync(observer), Is.EqualTo(new TailResult(5, true)));
        Assert.That(observer.KnownTail, Is.EqualTo(0));
    }

    [Test]
    public async Task A_read_returns_nothing_at_or_beyond_its_bound_or_maximum()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => $"{i}");
        Assert.That(await ReadAsync(loglet, 3, 6, 10), Is.EqualTo(new[] { "3", "4", "5" }));
        Assert.That(await ReadAsync(loglet, 3, 100, 6), Is.EqualTo(new[] { "3", "4", "5" }));
        Assert.That(await ReadAsync(loglet, 6, 100, 6), Is.Empty);
        Assert.That(await ReadAsync(loglet, 6, 6, 10), Is.Empty);
    }

    [Test]
    public async Task A_read_stops_at_its_size_but_brings_at_least_one_entry()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => new string((char)('a' + i), 1000));
        using (var read = await loglet.ReadNextAsync(2, 10, 10, 3500, CancellationToken.None)) Assert.That((read.First, read.Count), IsDense ? Is.EqualTo((2, 3)) : Is.AnyOf((2, 1), (2, 2), (2, 3), (2, 4)));
        using (var read = await loglet.ReadNextAsync(2, 10, 10, 1, CancellationToken.None)) Assert.That((read.First, read.Count), IsDense ? Is.EqualTo((2, 1)) : Is.AnyOf((2, 1), (2, 2), (2, 3)));
    }

    [Test]
    public async Task Entries_keep_their_append_id_and_kind()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(3, i => $"{i}");
        using var read = await loglet.ReadNextAsync(0, 3, 3, 1 << 20, CancellationToken.None);
        var ids = new List<(AppendId, EntryKind)>();
        using (var cursor = new EntryCursor(read.Entries))
        {
            while (cursor.MoveNext()) ids.Add((cursor.Header.Id, cursor.Header.Kind));
        }

        Assert.That(ids, Is.EqualTo(Enumerable.Range(1, 3).Select(i => (new AppendId(appender.Client.ClientId, (ulong)i), EntryKind.Data))));
    }

    [Test]
    public async Task Empty_and_large_entries_come_back_as_they_were()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        int[] sizes = [0, 1, 100, 65_000, 70_000, 300_000, LargestPayload, 0, 5];
        var ops = sizes.Select((size, i) => appender.Start(Pattern(size, i))).ToArray();
        loglet.Flush();
        foreach (var op in ops) Assert.That((await op.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Ok));
        for (var i = 0; i < sizes.Length; i++)
        {
            using var read = await loglet.ReadNextAsync(i, i + 1, sizes.Length, 1, CancellationToken.None);
            Assert.That(read.Count, Is.EqualTo(1));
            using var cursor = new EntryCursor(read.Entries);
            Assert.That(cursor.MoveNext(), Is.True);
            Assert.That(cursor.Payload.SequenceEqual(Pattern(sizes[i], i)), Is.True, $"entry {i} of {sizes[i]} bytes");
        }
    }

    [Test]
    public async Task Several_appenders_share_the_positions_and_each_keeps_its_order()
    {
        var config = await CreateAsync();
        const int Clients = 4;
        const int Each = 250;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(c => Task.Run(async () =>
        {
            var loglet = Open(config);
            using var appender = Appender(loglet);
            for (var i = 0; i < Each; i += 10) await appender.PutManyAsync(10, j => $"{c}:{i + j}");
        })));

        var reader = Open(config);
        var tail = (await TailAsync(reader)).Tail;
        if (IsDense) Assert.That(tail, Is.EqualTo(Clients * Each));
        var all = await reader.ReadAllAsync(0, tail);
        for (var c = 0; c < Clients; c++)
        {
            var own = all.Where(t => t.StartsWith($"{c}:", StringComparison.Ordinal));
            var expected = Enumerable.Range(0, Each).Select(i => $"{c}:{i}");
            Assert.That(own, IsDense ? Is.EqualTo(expected) : Is.EquivalentTo(expected));
        }
    }

    [Test]
    public async Task Many_readers_see_the_same()
    {
        var config = await CreateAsync();
        using var appender = Appender(Open(config));
        await appender.PutManyAsync(500, i => $"entry {i}");
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Open(config).ReadAllAsync(0, 500, 1000 * (i + 1))));
        Assert.That(all, Is.All.EqualTo(Enumerable.Range(0, 500).Select(i => $"entry {i}")));
    }

    [Test, Category("Trap17")]
    public async Task A_resend_is_answered_with_the_position_of_the_first()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        Assert.That(await appender.AppendAsync("once", sequence: 1), Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That(await appender.AppendAsync("other", sequence: 2), Is.EqualTo((StatusCode.Ok, 1L)));
        Assert.That(await appender.AppendAsync("once", sequence: 1), Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That((await TailAsync(loglet)).Tail, Is.EqualTo(2));
    }

    [Test, Category("Trap17")]
    public async Task A_copy_below_its_clients_floor_is_refused()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.AppendAsync("first", sequence: 1);
        appender.Client.Floor = 2;
        await appender.AppendAsync("second", sequence: 2);
        Assert.That((await appender.AppendAsync("first", sequence: 1)).Status, Is.EqualTo(StatusCode.BelowFloor));
        Assert.That((await TailAsync(loglet)).Tail, Is.EqualTo(2));
    }

    [Test]
    public async Task Seal_returns_the_tail_and_is_idempotent()
    {
        var (first, second) = await TwoAsync();
        using var appender = Appender(first);
        await appender.PutManyAsync(7, i => $"{i}");
        Assert.That(await SealAsync(first), Is.EqualTo(new TailResult(7, true)));
        Assert.That(await SealAsync(second), Is.EqualTo(new TailResult(7, true)));
        Assert.That(await SealAsync(first), Is.EqualTo(new TailResult(7, true)));
        Assert.That(await TailAsync(second), Is.EqualTo(new TailResult(7, true)));
    }

    [Test]
    public async Task An_empty_Loglet_can_be_sealed()
    {
        var loglet = await NewAsync();
        Assert.That(await SealAsync(loglet), Is.EqualTo(new TailResult(0, true)));
    }

    [Test]
    public async Task Append_after_seal_returns_Sealed()
    {
        var (first, second) = await TwoAsync();
        using var appender = Appender(first);
        await appender.PutAsync("before");
        var sealedTail = await SealAsync(second);
        Assert.That((await appender.AppendAsync("after")).Status, Is.EqualTo(StatusCode.Sealed));

        // A replica outside the sealed majority may have stored it: another observer may count it in. Only the installed stop decides.
        var later = await TailAsync(first);
        Assert.That(later.IsSealed, Is.True);
        Assert.That(later.Tail, Is.InRange(sealedTail.Tail, sealedTail.Tail + 1));
    }

    [Test]
    public async Task What_was_acknowledged_before_a_seal_under_load_is_below_the_tail_and_readable()
    {
        var (writer, sealer) = await TwoAsync();
        using var appender = Appender(writer);
        var ops = new List<TestOp>();
        var sealing = Task.Run(async () =>
        {
            while (writer.KnownTail < 50) await Task.Yield();
            return await SealAsync(sealer);
        });
        while (!sealing.IsCompleted)
        {
            for (var i = 0; i < 5; i++) ops.Add(appender.Start($"{ops.Count}"));
            writer.Flush();
            await ops[^1].Completion.WaitAsync(Patience.Long);
        }

        var stop = (await sealing).Tail;
        var outcomes = await Task.WhenAll(ops.Select(o => o.Completion)).WaitAsync(Patience.Long);
        Assert.That(outcomes.Select(o => o.Status), Is.All.EqualTo(StatusCode.Ok).Or.EqualTo(StatusCode.Sealed));
        var texts = await sealer.ReadAllAsync(0, stop);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i].Status != StatusCode.Ok) continue;
            Assert.That(outcomes[i].Position, Is.LessThan(stop));
            Assert.That(texts[(int)outcomes[i].Position], Is.EqualTo($"{i}"));
        }

        Assert.That(texts, Is.Unique);
    }

    [Test, Category("Trap18")]
    public async Task Trim_gives_up_the_entries_below_and_reads_of_them_say_so()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => $"{i}");
        await TailAsync(loglet);
        Assert.That(await loglet.TrimAsync(4, 10, CancellationToken.None), Is.EqualTo(4));
        using (var read = await loglet.ReadNextAsync(3, 10, 10, 1000, CancellationToken.None)) Assert.That((read.Status, read.TrimPoint, read.Count), Is.EqualTo((StatusCode.Trimmed, 4, 0)));
        Assert.That(await loglet.ReadAllAsync(4, 10), Is.EqualTo(new[] { "4", "5", "6", "7", "8", "9" }));
    }

    [Test, Category("Trap18")]
    public async Task A_read_of_one_trimmed_position_tells_the_first_that_is_left()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        for (var i = 0; i < 8; i++) await appender.PutAsync($"{i}");
        for (var trim = 1; trim <= 8; trim++)
        {
            await loglet.TrimAsync(trim, 8, CancellationToken.None);
            for (var position = 0; position < trim; position++)
            {
                using var read = await loglet.ReadNextAsync(position, position + 1, 8, 1, CancellationToken.None);
                Assert.That((read.Status, read.TrimPoint, read.Count), Is.EqualTo((StatusCode.Trimmed, trim, 0)));
            }
        }
    }

    [Test, Category("Trap18")]
    public async Task Trim_past_the_bound_does_not_report_more_than_it_did()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => $"{i}");
        Assert.That(await loglet.TrimAsync(100, 10, CancellationToken.None), Is.EqualTo(10));
        Assert.That(await TailAsync(loglet), Is.EqualTo(new TailResult(10, false)));
        Assert.That(await appender.PutAsync("10"), Is.EqualTo(10));
        Assert.That(await loglet.ReadAllAsync(10, 11), Is.EqualTo(new[] { "10" }));
    }

    [Test]
    public async Task Trim_never_goes_back_and_works_on_a_sealed_Loglet()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => $"{i}");
        await loglet.TrimAsync(6, 10, CancellationToken.None);
        Assert.That(await loglet.TrimAsync(2, 10, CancellationToken.None), Is.EqualTo(6));
        var stop = await SealAsync(loglet);
        Assert.That(stop, Is.EqualTo(new TailResult(10, true)));
        Assert.That(await loglet.TrimAsync(8, stop.Tail, CancellationToken.None), Is.EqualTo(8));
        Assert.That(await loglet.ReadAllAsync(8, 10), Is.EqualTo(new[] { "8", "9" }));
    }

    [Test]
    public async Task A_subscription_brings_what_is_there_and_what_comes([Values(0, 5, 10)] int from)
    {
        var (writer, reader) = await TwoAsync();
        using var appender = Appender(writer);
        await appender.PutManyAsync(10, i => $"{i}");
        var following = FollowAsync(reader, from, 30, null);
        await appender.PutManyAsync(10, i => $"{10 + i}");
        for (var i = 20; i < 30; i++) await appender.PutAsync($"{i}");
        var (texts, status) = await following.WaitAsync(Patience.Long);
        Assert.That(texts, Is.EqualTo(Enumerable.Range(from, 30 - from).Select(i => $"{i}")));
        Assert.That(status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public async Task A_subscription_larger_than_its_credit_comes_whole()
    {
        var (writer, reader) = await TwoAsync();
        using var appender = Appender(writer);
        await appender.PutManyAsync(300, i => $"{i}" + new string('x', 10_000));
        var (texts, _) = await FollowAsync(reader, 0, 300, null).WaitAsync(Patience.Long);
        Assert.That(texts.Select(t => t.TrimEnd('x')), Is.EqualTo(Enumerable.Range(0, 300).Select(i => $"{i}")));
    }

    [Test]
    public async Task A_subscription_ends_with_Sealed_when_nothing_more_can_come()
    {
        var (writer, reader) = await TwoAsync();
        using var appender = Appender(writer);
        await appender.PutManyAsync(10, i => $"{i}");
        var following = FollowAsync(reader, 0, long.MaxValue, null);
        var stop = (await SealAsync(writer)).Tail;
        var (texts, status) = await following.WaitAsync(Patience.Long);
        Assert.That(status, Is.EqualTo(StatusCode.Sealed));

        // The rest is read by the stop in the chain.
        var (rest, end) = await FollowAsync(reader, texts.Count, long.MaxValue, stop).WaitAsync(Patience.Long);
        Assert.That(texts.Concat(rest), Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"{i}")));
        Assert.That(end, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public async Task A_subscription_below_the_trim_point_ends_with_Trimmed()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(10, i => $"{i}");
        await loglet.TrimAsync(5, 10, CancellationToken.None);
        var (texts, status) = await FollowAsync(loglet, 2, 10, null).WaitAsync(Patience.Long);
        Assert.That((texts.Count, status), Is.EqualTo((0, StatusCode.Trimmed)));
    }

    [Test]
    public async Task A_deleted_Loglet_says_so()
    {
        var (first, second) = await TwoAsync();
        using var appender = Appender(first);
        await appender.PutAsync("x");
        await SealAsync(first);
        await first.DeleteAsync(CancellationToken.None);
        await Assert.ThatAsync(() => TailAsync(second), Throws.TypeOf<LogletException>().With.Property(nameof(LogletException.Code)).EqualTo(StatusCode.Deleted));
        using var read = await second.ReadNextAsync(0, 1, 1, 100, CancellationToken.None);
        Assert.That(read.Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await appender.AppendAsync("y")).Status, Is.EqualTo(StatusCode.Deleted).Or.EqualTo(StatusCode.Sealed));
        await second.DeleteAsync(CancellationToken.None);
    }

    [Test]
    public async Task Describe_tells_tails_and_seals()
    {
        var loglet = await NewAsync();
        using var appender = Appender(loglet);
        await appender.PutManyAsync(3, i => $"{i}");
        await SealAsync(loglet);
        var description = await loglet.DescribeAsync(CancellationToken.None);
        var quorum = description.Replicas.Count / 2 + 1;
        Assert.That(description.Replicas.Count(r => r is { Status: StatusCode.Ok, IsSealed: true } && (!IsDense || r.DurableTail == 3)), Is.GreaterThanOrEqualTo(quorum));
    }

    [Test]
    public async Task A_cancelled_subscription_ends()
    {
        var loglet = await NewAsync();
        using var stop = new CancellationTokenSource();
        var following = Task.Run(async () =>
        {
            await foreach (var batch in loglet.SubscribeAsync(0, long.MaxValue, null, stop.Token)) batch.Dispose();
        });
        await stop.CancelAsync();
        await Assert.ThatAsync(() => following.WaitAsync(Patience.Long), Throws.InstanceOf<OperationCanceledException>());
    }

    protected ILoglet Open(LogletConfig config)
    {
        var loglet = Factory.Open(config);
        lock (_opened) _opened.Add(loglet);
        return loglet;
    }

    internal TestAppender Appender(ILoglet loglet) => new(loglet, 1000 + Interlocked.Increment(ref _clients), flushEach: !IsDense);

    private static async Task<List<string>> ReadAsync(ILoglet loglet, long min, long max, long bound)
    {
        using var read = await loglet.ReadNextAsync(min, max, bound, 1 << 20, CancellationToken.None);
        Assert.That((read.Status, read.First), Is.EqualTo((StatusCode.Ok, min)));
        return TestReads.Texts(read.Entries);
    }

    private static async Task<(List<string> Texts, StatusCode Status)> FollowAsync(ILoglet loglet, long min, long max, long? stop)
    {
        var texts = new List<string>();
        var status = StatusCode.Ok;
        await foreach (var batch in loglet.SubscribeAsync(min, max, stop, CancellationToken.None))
        {
            using (batch)
            {
                if (batch.Count > 0) Assert.That(batch.First, Is.EqualTo(min + texts.Count));
                texts.AddRange(TestReads.Texts(batch.Entries));
                status = batch.Status;
            }
        }

        return (texts, status);
    }

    private static async Task<TailResult> TailAsync(ILoglet loglet) => await loglet.CheckTailAsync(CancellationToken.None).AsTask().WaitAsync(Patience.Long);

    private static async Task<TailResult> SealAsync(ILoglet loglet) => await loglet.SealAsync(CancellationToken.None).AsTask().WaitAsync(Patience.Long);

    private static byte[] Pattern(int size, int seed)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected async Task<ILoglet> NewAsync() => Open(await CreateAsync());

    private async Task<(ILoglet First, ILoglet Second)> TwoAsync()
    {
        var config = await CreateAsync();
        return (Open(config), Open(config));
    }
}
