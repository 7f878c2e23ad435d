using System.Diagnostics;
using System.Net.Sockets;
using Delos.Client;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Loglets;

/// <summary>The client's end against peers that fail in every way: node 1 sequences, nodes 1 to 3 store.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class NativeLogletTests
{
    private const ulong Incarnation = 42;

    private static readonly LogletOptions s_options = LogletOptions.Default with
    {
        OperationTimeout = TimeSpan.FromSeconds(5),
        RequestTimeout = TimeSpan.FromMilliseconds(500),
        FastTailTimeout = TimeSpan.FromMilliseconds(200),
        AppendPatience = TimeSpan.FromMilliseconds(200),
        StalledAppendPatience = TimeSpan.FromMinutes(1),
        CaseFiveBound = TimeSpan.FromMilliseconds(100),
        SubscriptionProbe = TimeSpan.FromMilliseconds(100),
    };

    private readonly LogletFrameRouter _router;
    private readonly List<ScriptedPeer> _peers = [];
    private readonly PeerPool _pool;
    private readonly LogletConfig _config;
    private readonly ILoglet _loglet;
    private readonly TestAppender _appender;

    public NativeLogletTests()
    {
        for (var i = 1u; i <= 3; i++) _peers.Add(new ScriptedPeer(i, Guid.NewGuid(), Incarnation).Start());
        _config = LogletConfig.Native(LogletId.NewRandom(), 1, Incarnation, [.. _peers.Select(p => new ReplicaId(p.Identity.NodeId, p.Identity.Disk))]);
        _router = new LogletFrameRouter();
        _pool = new PeerPool(LocalPeer.Client(), Guid.Empty, _router, ClientParts.Connections(DelosClientOptions.Default, NullLogger.Instance));
        _loglet = Open(s_options);
        _appender = new TestAppender(_loglet, 7);
    }

    private ScriptedPeer Sequencer => _peers[0];

    private ILoglet Open(LogletOptions options, TimeProvider? time = null) => Factory(options, static _ => false, time).Open(_config);

    private NativeLogletFactory Factory(LogletOptions options, Func<uint, bool> isLost, TimeProvider? time = null, uint ownNode = 0) =>
        new((node, ct) => _pool.GetAsync(_peers[(int)node - 1].EndPoint, node, ct), isLost, _router, options, time ?? TimeProvider.System, NullLogger.Instance, ownNode);

    [TearDown]
    public async Task TearDown()
    {
        await _loglet.DisposeAsync();
        await _pool.DisposeAsync();
        foreach (var peer in _peers) await peer.DisposeAsync();
        _appender.Dispose();
    }

    [Test]
    public async Task What_was_queued_before_a_flush_is_one_frame_with_the_clients_floor()
    {
        Acknowledge();
        await _appender.PutAsync("connects");
        _appender.Client.Floor = 2;
        var ops = Enumerable.Range(0, 50).Select(i => _appender.Start($"{i}")).ToArray();
        _loglet.Flush();
        foreach (var op in ops) Assert.That((await op.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Ok));
        var frames = await Sequencer.WaitAsync(FrameType.Append, 2);
        Assert.That(frames[1].Message, Is.EqualTo(new Append(_config.Id, Incarnation, 7, 2, 50)));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public async Task A_read_does_not_wait_for_replicas_that_say_nothing(int alive)
    {
        _peers[alive].Answer<Read, ReadReply>(r => new ReadReply(StatusCode.Ok, r.Min, 0, 0, 0));
        await using var loglet = Open(s_options with { RequestTimeout = TimeSpan.FromHours(1), OperationTimeout = TimeSpan.FromHours(1) });
        for (var i = 0; i < 3; i++)
        {
            using var read = await loglet.ReadNextAsync(0, 10, 10, 1000, default).AsTask().WaitAsync(Patience.Long);
            Assert.That((read.Status, read.Count), Is.EqualTo((StatusCode.Ok, 0)));
        }

        Assert.That(_peers[alive].Log.Count(r => r.Type == FrameType.Read), Is.EqualTo(3));
        Assert.That(_peers.Sum(p => p.Log.Count(r => r.Type == FrameType.Read)), Is.LessThanOrEqualTo(5), "the one that answered is asked first from then on");
    }

    [Test]
    public async Task The_replica_of_the_own_node_is_read_first()
    {
        foreach (var peer in _peers) peer.Answer<Read, ReadReply>(r => new ReadReply(StatusCode.Ok, r.Min, 0, 0, 0));
        foreach (var own in (int[])[2, 0, 1])
        {
            await using var loglet = Factory(s_options, static _ => false, ownNode: _peers[own].Identity.NodeId).Open(_config);
            using var read = await loglet.ReadNextAsync(0, 10, 10, 1000, default).AsTask().WaitAsync(Patience.Long);
            Assert.That((read.Status, _peers[own].Log.Count(r => r.Type == FrameType.Read)), Is.EqualTo((StatusCode.Ok, 1)));
        }

        await using var elsewhere = Factory(s_options, static _ => false, ownNode: 9).Open(_config);
        using var other = await elsewhere.ReadNextAsync(0, 10, 10, 1000, default).AsTask().WaitAsync(Patience.Long);
        Assert.That((other.Status, _peers.Sum(p => p.Log.Count(r => r.Type == FrameType.Read))), Is.EqualTo((StatusCode.Ok, 4)), "without a replica of its own it asks any");
    }

    [Test]
    public async Task A_read_does_not_begin_with_a_replica_that_is_known_to_be_out_of_reach()
    {
        var never = TimeSpan.FromHours(1);
        for (var i = 1; i < 3; i++) _peers[i].Answer<Read, ReadReply>(r => new ReadReply(StatusCode.Ok, r.Min, 0, 0, 0));

        // Each handle begins with another replica, and none gives up the one that it asked.
        var factory = Factory(s_options with { RequestTimeout = never, OperationTimeout = never, HedgeReadsAfter = never }, static node => node == 1);
        for (var i = 0; i < 3; i++)
        {
            await using var loglet = factory.Open(_config);
            using var read = await loglet.ReadNextAsync(0, 10, 10, 1000, default).AsTask().WaitAsync(Patience.Long);
            Assert.That(read.Status, Is.EqualTo(StatusCode.Ok));
        }

        Assert.That(_peers.Select(p => p.Log.Count(r => r.Type == FrameType.Read)), Is.EqualTo(new[] { 0, 2, 1 }));
    }

    [Test, Category("Trap17")]
    public async Task After_a_lost_connection_everything_unanswered_is_sent_again_in_order_to_the_same_incarnation()
    {
        var ops = Enumerable.Range(0, 5).Select(i => _appender.Start($"{i}")).ToArray();
        _loglet.Flush();
        await Sequencer.WaitAsync(FrameType.Append, 1);
        Sequencer.Push(new AppendReply(_config.Id, 7, StatusCode.Ok, 1, 2, 0, 2));
        await ops[1].Completion.WaitAsync(Patience.Long);
        Acknowledge(positionOfFirst: 2, firstSequence: 3);
        Sequencer.Cut();
        for (var i = 2; i < 5; i++) Assert.That(await ops[i].Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, (long)i)));
        var again = (await Sequencer.WaitAsync(FrameType.Append, 2))[1];
        Assert.That(Sequences(again), Is.EqualTo(new ulong[] { 3, 4, 5 }));
    }

    [Test]
    public async Task More_unanswered_bytes_than_a_connection_queues_by_default_are_sent_at_once()
    {
        var payload = new byte[1 << 20];
        var ops = Enumerable.Range(0, (int)(ConnectionOptions.Default.MaxQueuedBytes / payload.Length) + 1).Select(_ => _appender.Start(payload)).ToArray();
        Acknowledge();
        _loglet.Flush();
        foreach (var op in ops) Assert.That((await op.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test, Category("Trap17")]
    public async Task An_append_too_large_is_refused_alone_and_takes_no_resent_neighbour_with_it()
    {
        const int limit = 1000;
        await Sequencer.DisposeAsync();
        _peers[0] = new ScriptedPeer(1, Sequencer.Identity.Disk, Incarnation) { Limits = PeerLimits.Default with { MaxEntryBytes = limit } }.Start();
        var before = _appender.Start("in the log already");
        _loglet.Flush();
        await Sequencer.WaitAsync(FrameType.Append, 1);
        var large = _appender.Start(new byte[limit + 1]);
        var after = _appender.Start(new byte[limit]);

        // The whole frame, before anything of it is looked up.
        Sequencer.On<Append>((connection, append, frame) =>
        {
            var tooLarge = false;
            for (var rest = frame.Payload.AsSpan(); EntryCodec.TryReadHeader(rest, out var header); rest = rest[header.Size..]) tooLarge |= header.PayloadLength > limit;
            foreach (var sequence in Sequences(frame))
                connection.Enqueue(new AppendReply(append.Loglet, append.ClientId, tooLarge ? StatusCode.LimitExceeded : StatusCode.Ok, sequence, 1, tooLarge ? -1 : (long)sequence - 1, 0));
        });
        Sequencer.Cut();
        Assert.That((await large.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.LimitExceeded));
        Assert.That(await before.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That(await after.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 2L)));
        Assert.That(Sequencer.Log.Where(r => r.Type == FrameType.Append).SelectMany(Sequences), Does.Not.Contain(2ul));
    }

    [Test]
    public async Task A_dead_sequencer_is_told_at_once_and_the_outcome_is_unknown()
    {
        var lost = new TaskCompletionSource();
        _loglet.SequencerLost += _ => lost.TrySetResult();
        var op = _appender.Start("x");
        _loglet.Flush();
        await Sequencer.WaitAsync(FrameType.Append, 1);
        await Sequencer.DisposeAsync();
        Assert.That(await op.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Unavailable, -1L)));
        await lost.Task.WaitAsync(Patience.Long);
    }

    [Test]
    public async Task A_sequencer_that_hangs_up_at_every_append_counts_as_lost()
    {
        Sequencer.On<Append>((connection, _, _) => connection.Close());
        Assert.That((await _appender.AppendAsync("x")).Status, Is.EqualTo(StatusCode.Unavailable));
        Acknowledge();
        Assert.That((await _appender.AppendAsync("x", 1)).Status, Is.EqualTo(StatusCode.Ok), "it is tried again");
    }

    [Test]
    public async Task A_frozen_sequencer_counts_as_lost()
    {
        await Sequencer.DisposeAsync();
        using var frozen = new TcpListener(Sequencer.EndPoint);
        frozen.Start();
        var clock = Stopwatch.StartNew();
        Assert.That((await _appender.AppendAsync("x")).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(clock.Elapsed, Is.LessThan(ConnectionOptions.Default.HelloTimeout));
    }

    [Test, Category("Trap07")]
    public async Task A_restarted_sequencer_is_not_sent_the_appends_again()
    {
        var op = _appender.Start("x");
        _loglet.Flush();
        await Sequencer.WaitAsync(FrameType.Append, 1);
        await Sequencer.DisposeAsync();
        _peers[0] = Sequencer.Restarted(Incarnation + 1);
        Assert.That((await op.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That((await _appender.AppendAsync("y")).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(Sequencer.Log.Where(r => r.Type == FrameType.Append), Is.Empty);
    }

    [Test]
    public async Task A_sequencer_that_has_not_heard_of_the_Loglet_is_told_to_open_it()
    {
        Sequencer.On<Append>((connection, append, _) => connection.Enqueue(new AppendReply(append.Loglet, append.ClientId, StatusCode.NotFound, 1, 1, -1, 0)));
        Sequencer.On<OpenLoglet>((connection, open, frame) =>
        {
            Acknowledge();
            connection.Reply(new OpenLogletReply(open.Config.Equals(_config) ? StatusCode.Ok : StatusCode.Malformed), frame.CorrelationId);
        });
        Assert.That(await _appender.AppendAsync("x").WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 0L)));
    }

    [Test]
    public async Task Sealed_passes_the_assigned_positions_up_and_raises_no_tail()
    {
        Sequencer.On<Append>((connection, append, _) => connection.Enqueue(new AppendReply(append.Loglet, append.ClientId, StatusCode.Sealed, 1, append.Count, 17, 19)));
        var ops = Enumerable.Range(0, 3).Select(i => _appender.Start($"{i}")).ToArray();
        _loglet.Flush();
        for (var i = 0; i < 3; i++) Assert.That(await ops[i].Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Sealed, 17L + i)));
        Assert.That(_loglet.KnownTail, Is.EqualTo(0));
    }

    [Test, Category("Trap12")]
    public async Task An_unanswered_append_over_a_half_seal_finishes_the_seal()
    {
        Statuses((5, true), (5, false), null);
        Seals(5, 5, null);
        var op = _appender.Start("x");
        _loglet.Flush();
        Assert.That(await op.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Sealed, -1L)));
        Assert.That(_peers[1].Log.Any(r => r.Type == FrameType.Seal), Is.True);
    }

    [Test]
    public async Task An_unanswered_append_to_an_open_Loglet_seals_nothing()
    {
        Statuses((5, false), (6, false), (5, false));
        var op = _appender.Start("x");
        _loglet.Flush();
        await _peers[1].WaitAsync(FrameType.Status, 2);
        Assert.That(op.Completion.IsCompleted, Is.False);
        Assert.That(_peers.SelectMany(p => p.Log).Any(r => r.Type == FrameType.Seal), Is.False);
    }

    [Test, Category("Trap12")]
    public async Task A_sequencer_that_confirms_nothing_while_appends_stay_unanswered_counts_as_lost()
    {
        Statuses((5, false), (5, false), (5, false));
        await using var loglet = Open(s_options with { StalledAppendPatience = TimeSpan.FromMilliseconds(600) });
        using var appender = new TestAppender(loglet, 8);
        var lost = new TaskCompletionSource();
        loglet.SequencerLost += _ => lost.TrySetResult();
        Sequencer.Answer<CheckTail, CheckTailReply>(_ => new CheckTailReply(StatusCode.Unavailable, 0));
        var clock = Stopwatch.StartNew();
        var op = appender.Start("x");
        loglet.Flush();
        Assert.That(await op.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Unavailable, -1L)));
        Assert.That(clock.Elapsed, Is.GreaterThan(TimeSpan.FromMilliseconds(600)));
        await lost.Task.WaitAsync(Patience.Long);
        Assert.That(_peers.SelectMany(p => p.Log).Any(r => r.Type == FrameType.Seal), Is.False, "whoever finds a successor seals");
    }

    [Test]
    public async Task A_sequencer_that_confirms_its_tail_is_waited_for_however_long_its_LogServers_take()
    {
        Statuses((5, false), (5, false), (5, false));
        await using var loglet = Open(s_options with { StalledAppendPatience = s_options.AppendPatience });
        using var appender = new TestAppender(loglet, 8);
        Sequencer.Answer<CheckTail, CheckTailReply>(_ => new CheckTailReply(StatusCode.Ok, 5));
        var op = appender.Start("x");
        loglet.Flush();
        await Sequencer.WaitAsync(FrameType.CheckTail, 3);
        Assert.That(op.Completion.IsCompleted, Is.False, "full disks, for example: another sequencer over the same disks would wait as well");
        Sequencer.Push(new AppendReply(_config.Id, 8, StatusCode.Ok, 1, 1, 5, 6));
        Assert.That(await op.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 5L)));
    }

    [Test]
    public async Task A_fill_waits_for_a_sequencer_that_waits_for_its_LogServers()
    {
        var answers = new Queue<CheckTailReply>([new(StatusCode.Unavailable, 3), new(StatusCode.DiskFull, 3), new(StatusCode.Ok, 7)]);
        Sequencer.Answer<Fill, CheckTailReply>(_ => answers.Dequeue());
        Assert.That(await _loglet.FillAsync(7, CancellationToken.None).AsTask().WaitAsync(Patience.Long), Is.EqualTo(new TailResult(7, false)));
        Assert.That((answers.Count, _loglet.KnownTail), Is.EqualTo((0, 7)));
    }

    [Test]
    public async Task A_fill_of_a_sequencer_that_is_gone_fails_and_one_of_a_sealed_Loglet_says_so()
    {
        Sequencer.Answer<Fill, CheckTailReply>(_ => new CheckTailReply(StatusCode.Sealed, 5));
        Assert.That(await _loglet.FillAsync(7, CancellationToken.None).AsTask().WaitAsync(Patience.Long), Is.EqualTo(new TailResult(5, true)));
        Assert.That(_loglet.KnownTail, Is.Zero);
        await Sequencer.DisposeAsync();
        await Assert.ThatAsync(() => _loglet.FillAsync(7, CancellationToken.None).AsTask().WaitAsync(Patience.Long), Throws.TypeOf<LogletException>().With.Property(nameof(LogletException.Code)).EqualTo(StatusCode.Unavailable));
    }

    [Test, Category("Trap20")]
    public async Task A_check_of_the_tail_never_joins_a_request_that_was_sent()
    {
        var first = _loglet.CheckTailAsync(default).AsTask();
        var sent = (await Sequencer.WaitAsync(FrameType.CheckTail, 1))[0];
        var later = Enumerable.Range(0, 10).Select(_ => _loglet.CheckTailAsync(default).AsTask()).ToArray();
        Sequencer.Answer<CheckTail, CheckTailReply>(_ => new CheckTailReply(StatusCode.Ok, 9));
        Reply(sent, new CheckTailReply(StatusCode.Ok, 3));
        Assert.That((await first.WaitAsync(Patience.Long)).Tail, Is.EqualTo(3));
        foreach (var check in later) Assert.That((await check.WaitAsync(Patience.Long)).Tail, Is.EqualTo(9));
        Assert.That((await Sequencer.WaitAsync(FrameType.CheckTail, 2)).Count, Is.EqualTo(2), "the ten shared one");
    }

    [Test]
    public async Task A_silent_sequencer_makes_the_replicas_tell_the_tail()
    {
        Statuses((8, false), (8, false), (7, false));
        Assert.That(await _loglet.CheckTailAsync(default).AsTask().WaitAsync(Patience.Long), Is.EqualTo(new TailResult(8, false)));
        Assert.That(_loglet.KnownTail, Is.EqualTo(8));
    }

    [Test, Category("Trap11")]
    public async Task A_dead_sequencer_in_case_5_ends_in_a_seal()
    {
        Statuses((8, false), (7, false), null);
        Seals(8, 7, null);
        Copies(source: 0, from: 7, to: 8);
        Assert.That(await _loglet.CheckTailAsync(default).AsTask().WaitAsync(Patience.Long), Is.EqualTo(new TailResult(8, true)));
        Assert.That(_loglet.KnownTail, Is.EqualTo(0), "a sealed tail is nobody's known tail");
    }

    [Test, Category("Trap11")]
    public async Task A_wall_clock_that_jumps_back_holds_up_no_search_for_the_tail()
    {
        Statuses((8, false), (7, false), null);
        Seals(8, 7, null);
        Copies(source: 0, from: 7, to: 8);
        await using var loglet = Open(s_options, new FallingClock());
        Assert.That(await loglet.CheckTailAsync(default).AsTask().WaitAsync(TimeSpan.FromSeconds(4)), Is.EqualTo(new TailResult(8, true)));
    }

    [Test, Category("Trap08")]
    public async Task A_replica_on_another_disk_is_no_replica()
    {
        await _peers[1].DisposeAsync();
        _peers[1] = new ScriptedPeer(2, Guid.NewGuid(), Incarnation).Start();
        Statuses((3, true), (0, false), (3, true));
        Seals(3, 0, 3);
        Assert.That(await _loglet.SealAsync(default).AsTask().WaitAsync(Patience.Long), Is.EqualTo(new TailResult(3, true)));
        Assert.That(_peers[1].Log, Is.Empty);
    }

    [Test]
    public async Task Without_a_majority_the_error_says_what_each_said()
    {
        await _peers[1].DisposeAsync();
        await _peers[2].DisposeAsync();
        Seals(3, null, null);
        var failure = await Assert.CatchAsync<LogletException>(() => _loglet.SealAsync(default).AsTask());
        Assert.That(failure!.Code, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(failure.Message, Does.Contain("node 2:").And.Contain("node 3:").And.Contain("refused"));
    }

    [TestCase(StatusCode.Lagging)]
    [TestCase(StatusCode.Corrupt)]
    [TestCase(StatusCode.NotFound)]
    public async Task A_read_goes_on_to_a_replica_that_has_it(StatusCode problem)
    {
        ReadsFail(problem);
        _peers[2].On<Read>((connection, read, frame) => Entries(connection, read.Min, 2, frame.CorrelationId, damaged: false));
        using var result = await _loglet.ReadNextAsync(4, 6, 6, 1000, default).AsTask().WaitAsync(Patience.Long);
        Assert.That((result.Status, result.First, result.Count), Is.EqualTo((StatusCode.Ok, 4, 2)));
    }

    [Test, Category("Trap26")]
    public async Task Entries_that_come_damaged_are_read_elsewhere()
    {
        for (var i = 0; i < 2; i++) _peers[i].On<Read>((connection, read, frame) => Entries(connection, read.Min, 2, frame.CorrelationId, damaged: true));
        _peers[2].On<Read>((connection, read, frame) => Entries(connection, read.Min, 2, frame.CorrelationId, damaged: false));
        for (var i = 0; i < 3; i++)
        {
            using var result = await _loglet.ReadNextAsync(4, 6, 6, 1000, default).AsTask().WaitAsync(Patience.Long);
            Assert.That(EntryCursor.AreIntact(result.Entries, 2), Is.True);
        }
    }

    [Test]
    public async Task A_subscription_goes_on_at_another_replica_where_it_was_cut()
    {
        var begins = new List<long>();
        for (var i = 0; i < 3; i++)
        {
            var peer = _peers[i];
            peer.On<Subscribe>((connection, subscribe, frame) =>
            {
                lock (begins) begins.Add(subscribe.Min);
                Push(connection, subscribe.Min, 2, frame.CorrelationId);
                connection.Flush();
                connection.CloseWhenSent();
            });
        }

        var next = 3L;
        await foreach (var batch in _loglet.SubscribeAsync(3, 11, null, default))
        {
            Assert.That(batch.First, Is.EqualTo(next));
            next += batch.Count;
            batch.Dispose();
        }

        Assert.That(next, Is.EqualTo(11));
        Assert.That(begins.Distinct(), Is.EqualTo(new long[] { 3, 5, 7, 9 }));
    }

    [Test, Category("Trap19")]
    public async Task A_subscription_leaves_a_replica_that_has_not_heard_what_others_have()
    {
        var first = new TaskCompletionSource<int>();
        for (var i = 0; i < 3; i++)
        {
            var index = i;
            _peers[i].On<Subscribe>((connection, subscribe, frame) =>
            {
                if (first.TrySetResult(index)) connection.Enqueue(new Entries(StatusCode.Ok, subscribe.Min, 0, 0), frame.CorrelationId);
                else Push(connection, subscribe.Min, 4, frame.CorrelationId);
            });
            _peers[i].Answer<Status, StatusReply>(_ => new StatusReply(StatusCode.Ok, Incarnation, false, 4, first.Task.Result == index ? 0 : 4, 0, false));
        }

        var got = 0;
        await foreach (var batch in _loglet.SubscribeAsync(0, 4, null, default))
        {
            got += batch.Count;
            batch.Dispose();
        }

        Assert.That(got, Is.EqualTo(4));
    }

    [Test]
    public async Task Credit_is_given_back_for_each_half_that_was_consumed()
    {
        var size = EntryCodec.HeaderSize + 1;
        await using var loglet = Open(s_options with { SubscriptionCredit = 4 * size });
        for (var i = 0; i < 3; i++)
        {
            _peers[i].On<Subscribe>((connection, _, frame) =>
            {
                for (var p = 0; p < 4; p++) Push(connection, p, 1, frame.CorrelationId);
            });
        }

        await using var batches = loglet.SubscribeAsync(0, 5, null, default).GetAsyncEnumerator();
        for (var i = 0; i < 4; i++)
        {
            Assert.That(await batches.MoveNextAsync().AsTask().WaitAsync(Patience.Long), Is.True);
            batches.Current.Dispose();
            if (i == 1) Assert.That(_peers.SelectMany(p => p.Log).Any(r => r.Type == FrameType.Credit), Is.False, "only one of the two was consumed yet");
        }

        var next = batches.MoveNextAsync().AsTask();
        var server = _peers.Single(p => p.Log.Any(r => r.Type == FrameType.Subscribe));
        Assert.That((await server.WaitAsync(FrameType.Credit, 2)).Select(static f => f.Message), Is.EqualTo(new object[] { new Credit(2 * (uint)size), new Credit(2 * (uint)size) }));
        server.Push(new Entries(StatusCode.Sealed, 4, 0, 4), server.Log.First(r => r.Type == FrameType.Subscribe).CorrelationId);
        Assert.That(await next.WaitAsync(Patience.Long), Is.True);
        Assert.That(batches.Current.Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test, Category("Trap18")]
    public async Task Trim_reports_the_point_that_a_majority_achieved()
    {
        long[] points = [2, 9, 7];
        for (var i = 0; i < 3; i++)
        {
            var point = points[i];
            _peers[i].Answer<Trim, TrimReply>(_ => new TrimReply(StatusCode.Ok, point));
        }

        Assert.That(await _loglet.TrimAsync(9, 9, default), Is.EqualTo(7));
    }

    private void Acknowledge(long positionOfFirst = 0, ulong firstSequence = 1) => Sequencer.On<Append>((connection, append, frame) =>
    {
        var first = Sequences(frame)[0];
        var position = positionOfFirst + (long)(first - firstSequence);
        connection.Enqueue(new AppendReply(append.Loglet, append.ClientId, StatusCode.Ok, first, append.Count, position, position + append.Count));
    });

    private void Reply<T>(ScriptedPeer.Received request, T reply)
        where T : struct, IMessage<T> => Sequencer.Push(reply, request.CorrelationId, FrameFlags.Reply);

    private void Statuses(params (long Tail, bool IsSealed)?[] states)
    {
        for (var i = 0; i < 3; i++)
        {
            if (states[i] is { } state) _peers[i].Answer<Status, StatusReply>(_ => new StatusReply(StatusCode.Ok, Incarnation, state.IsSealed, state.Tail, 0, 0, false));
        }
    }

    private void Seals(params long?[] tails)
    {
        for (var i = 0; i < 3; i++)
        {
            if (tails[i] is { } tail) _peers[i].Answer<Seal, SealReply>(_ => new SealReply(StatusCode.Ok, tail, 0));
        }
    }

    private void Copies(int source, long from, long to)
    {
        _peers[source].On<Read>((connection, read, frame) =>
        {
            Assert.That(read, Is.EqualTo(read with { Min = from, Max = to, ForRepair = true }));
            Entries(connection, from, (int)(to - from), frame.CorrelationId, damaged: false);
        });
        foreach (var peer in _peers) peer.Answer<Repair, RepairReply>(repair => new RepairReply(StatusCode.Ok, repair.First + repair.Count));
    }

    private void ReadsFail(StatusCode status)
    {
        foreach (var peer in _peers) peer.Answer<Read, ReadReply>(read => new ReadReply(status, read.Min, 0, 0, 0));
    }

    private static void Entries(Connection connection, long first, int count, ulong correlationId, bool damaged)
    {
        var payload = Payload(first, count);
        if (damaged) payload[^1] ^= 1;
        connection.Enqueue(new ReadReply(StatusCode.Ok, first, (uint)count, first + count, 0), payload, correlationId, FrameFlags.Reply);
    }

    private static void Push(Connection connection, long first, int count, ulong correlationId) =>
        connection.Enqueue(new Entries(StatusCode.Ok, first, (uint)count, first + count), Payload(first, count), correlationId);

    private static byte[] Payload(long first, int count)
    {
        var size = EntryCodec.EncodedSize(1);
        var payload = new byte[count * size];
        for (var i = 0; i < count; i++) EntryCodec.Encode(payload.AsSpan(i * size), new AppendId(1, (ulong)(first + i + 1)), EntryKind.Data, [(byte)(first + i)]);
        return payload;
    }

    private static List<ulong> Sequences(ScriptedPeer.Received frame)
    {
        var sequences = new List<ulong>();
        for (var rest = frame.Payload.AsSpan(); EntryCodec.TryReadHeader(rest, out var header); rest = rest[header.Size..]) sequences.Add(header.Id.Sequence);
        return sequences;
    }

    /// <summary>Every look at it shows an hour less.</summary>
    private sealed class FallingClock : TimeProvider
    {
        private long _looks;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddYears(50).AddHours(-Interlocked.Increment(ref _looks));
    }
}
