using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Loglets;

/// <summary>What becomes of the appends of a StripedLoglet whose stripes fail, each in its own way and time.</summary>
public sealed class StripedLogletTests
{
    private ManualStripe[] _stripes = [];
    private StripedLoglet _loglet = null!;
    private TestAppender _appender = null!;

    [SetUp]
    public void Open() => Open(2);

    [TearDown]
    public async Task Close()
    {
        await _loglet.DisposeAsync();
        _appender.Dispose();
    }

    [Test]
    public async Task An_append_waits_for_no_neighbour_that_was_refused()
    {
        var (large, small) = (_appender.Start("large"), _appender.Start("small"));
        _loglet.Flush();
        _stripes[1].Complete(StatusCode.Ok, 0);
        Assert.That(_stripes[0].HasFill, Is.False, "one is on its way");
        _stripes[0].Complete(StatusCode.LimitExceeded, -1);
        Assert.That((await large.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.LimitExceeded));
        var (upTo, answer) = await _stripes[0].NextFillAsync();
        Assert.That(upTo, Is.EqualTo(1));
        answer.SetResult(new TailResult(1, false));
        Assert.That(await small.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 1L)));
    }

    [Test]
    [Category("Trap12")]
    public async Task What_waits_for_a_stripe_whose_sequencer_is_gone_comes_back_with_its_outcome_unknown()
    {
        var lost = 0;
        _loglet.SequencerLost += _ => Interlocked.Increment(ref lost);
        var waiting = CommittedBehindAGap();
        for (var attempt = 0; attempt < 2; attempt++) (await _stripes[1].NextFillAsync()).Answer.SetException(ManualStripe.Lost);
        Assert.That(await waiting.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Unavailable, -1L)), "otherwise nobody looks for a successor");
        Assert.That(lost, Is.EqualTo(1));

        // Sent again, as the log does while it looks for a successor, it is at the same place.
        var again = _appender.Start("x", sequence: waiting.Sequence);
        _loglet.Flush();
        _stripes[0].Complete(StatusCode.Ok, 1);
        (await _stripes[1].NextFillAsync()).Answer.SetResult(new TailResult(1, false));
        Assert.That(await again.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 2L)));
    }

    [Test]
    public async Task A_connection_that_breaks_once_gives_nothing_back()
    {
        var waiting = CommittedBehindAGap();
        (await _stripes[1].NextFillAsync()).Answer.SetException(ManualStripe.Lost);
        (await _stripes[1].NextFillAsync()).Answer.SetResult(new TailResult(1, false));
        Assert.That(await waiting.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 2L)));
    }

    [TestCase(StatusCode.Sealed)]
    [TestCase(StatusCode.Deleted)]
    [Category("Trap17")]
    public async Task What_lies_beyond_a_stripe_that_has_ended_is_told_where_it_lies(StatusCode end)
    {
        var waiting = CommittedBehindAGap();
        var fill = (await _stripes[1].NextFillAsync()).Answer;
        if (end == StatusCode.Sealed) fill.SetResult(new TailResult(0, true));
        else fill.SetException(new LogletException(_stripes[1].Config.Id, end, "deleted"));
        Assert.That(await waiting.Completion.WaitAsync(Patience.Long), Is.EqualTo((end, 2L)));
        Assert.That(_loglet.KnownTail, Is.EqualTo(1), "the seal's tail raises none");
    }

    [Test]
    [Category("Trap17")]
    public async Task An_append_that_a_stripe_gives_back_as_sealed_brings_back_those_that_wait_for_it()
    {
        var (first, second) = (_appender.Start("one"), _appender.Start("two"));
        _loglet.Flush();
        _stripes[1].Complete(StatusCode.Ok, 0);
        _stripes[0].Complete(StatusCode.Sealed, 0);
        Assert.That(await first.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Sealed, 0L)));
        Assert.That(await second.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Sealed, 1L)));
    }

    [Test]
    public async Task Closing_gives_back_what_waits_and_ends_what_fills()
    {
        var waiting = CommittedBehindAGap();
        var unsent = _appender.Start("not flushed");
        await _stripes[1].NextFillAsync();
        await _loglet.DisposeAsync().AsTask().WaitAsync(Patience.Long);
        Assert.That((await waiting.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That((await unsent.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(_stripes.Select(s => s.IsDisposed), Is.All.True);
    }

    [Test]
    public async Task Stripes_that_fall_behind_again_and_again_are_filled_again_and_again()
    {
        for (var round = 1; round <= 100; round++)
        {
            var append = _appender.Start("x");
            _loglet.Flush();
            var stripe = _stripes[0].HasAppend ? 0 : 1;

            // Others' appends went there meanwhile.
            _stripes[stripe].Complete(StatusCode.Ok, 10 * round);
            var (upTo, answer) = await _stripes[1 - stripe].NextFillAsync();
            Assert.That(upTo, Is.EqualTo(10 * round + stripe));
            answer.SetResult(new TailResult(upTo, false));
            Assert.That(await append.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 20L * round + stripe)));
        }
    }

    private void Open(int stripes)
    {
        var configs = Enumerable.Range(0, stripes).Select(_ => MemoryLogletFactory.NewConfig()).ToList();
        _stripes = [.. configs.Select(c => new ManualStripe(c))];
        _loglet = new StripedLoglet(LogletConfig.Striped(LogletId.NewRandom(), configs), c => _stripes.Single(s => s.Config.Id == c.Id), TimeProvider.System, NullLogger.Instance);
        _appender = new TestAppender(_loglet, 1);
    }

    /// <summary>An append at position 2, while nothing is at position 1 or on its way there.</summary>
    private TestOp CommittedBehindAGap()
    {
        var op = _appender.Start("x");
        _loglet.Flush();
        _stripes[0].Complete(StatusCode.Ok, 1);
        return op;
    }
}
