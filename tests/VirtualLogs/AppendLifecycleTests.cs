using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;

namespace Delos.Tests.VirtualLogs;

/// <summary>The exactly-once rules of one append, event by event.</summary>
public class AppendLifecycleTests
{
    private const ulong Me = 7;

    private static readonly Segment s_open = new(100, null, MemoryLogletFactory.NewConfig(), Guid.NewGuid(), 1);

    [Test]
    public void Acknowledged_append_has_its_position_in_the_address_space_of_the_log()
    {
        var append = Sent(knownTail: 3);
        append.OnAcknowledged(5);
        Assert.That((append.State, append.Position), Is.EqualTo((AppendState.Done, 105L)));
    }

    [Test, Category("Trap17")]
    public void Append_that_came_back_sealed_may_not_be_sent_to_another_segment_before_it_is_resolved()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var next = new Segment(105, null, MemoryLogletFactory.NewConfig(), Guid.NewGuid(), 2);
        Assert.That(() => append.OnSend(next, 0), Throws.InvalidOperationException);
    }

    [Test, Category("Trap17")]
    public void Resend_to_the_same_segment_keeps_the_scan_start_of_the_first_send()
    {
        var append = Sent(knownTail: 3);
        append.OnGivenBack(-1);
        append.OnSend(s_open, knownTail: 9);
        append.OnGivenBack(-1);
        Assert.That(append.ScanStart, Is.EqualTo(3));
        var resolver = new AppendResolver(Stopped(110), Me, [append]);
        Assert.That((resolver.From, resolver.To), Is.EqualTo((3L, 10L)));
    }

    [Test, Category("Trap09")]
    public void Nothing_is_resolved_against_a_segment_without_stop()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        Assert.That(() => new AppendResolver(s_open, Me, [append]), Throws.ArgumentException);
    }

    [Test, Category("Trap17")]
    public void Append_found_below_the_stop_is_not_appended_again()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        resolver.OnEntry(0, new AppendId(99, 1));
        resolver.OnEntry(2, new AppendId(Me, 1));
        resolver.OnEnd();
        Assert.That((append.State, append.Position), Is.EqualTo((AppendState.Done, 102L)));
    }

    [Test]
    public void Append_not_found_up_to_the_stop_goes_to_the_active_segment_with_the_same_sequence()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        resolver.OnEnd();
        Assert.That(append.State, Is.EqualTo(AppendState.Ready));
        var next = new Segment(104, null, MemoryLogletFactory.NewConfig(), Guid.NewGuid(), 2);
        append.OnSend(next, 0);
        append.OnAcknowledged(0);
        Assert.That((append.Sequence, append.Position), Is.EqualTo((1ul, 104L)));
    }

    [Test, Category("Trap17")]
    public void Only_the_named_position_is_looked_at()
    {
        var append = Sent(0);
        append.OnGivenBack(namedPosition: 2);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        Assert.That((resolver.From, resolver.To), Is.EqualTo((2L, 3L)));
    }

    [Test, Category("Trap17")]
    public void Append_named_at_or_behind_the_stop_is_absent_without_a_look()
    {
        var append = Sent(0);
        append.OnGivenBack(namedPosition: 4);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        Assert.That((resolver.IsDone, append.State), Is.EqualTo((true, AppendState.Ready)));
    }

    [Test]
    public void Name_given_once_is_not_forgotten_when_a_resend_brings_none()
    {
        var append = Sent(0);
        append.OnGivenBack(2);
        append.OnSend(s_open, 0);
        append.OnGivenBack(-1);
        Assert.That(append.NamedPosition, Is.EqualTo(2));
    }

    [Test]
    public void Segment_that_stopped_at_the_scan_start_holds_nothing()
    {
        var append = Sent(knownTail: 4);
        append.OnGivenBack(-1);
        Assert.That(new AppendResolver(Stopped(104), Me, [append]).IsDone, Is.True);
    }

    [Test, Category("Trap17")]
    public void Append_whose_range_was_trimmed_ends_with_outcome_unknown()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        resolver.OnTrimmed(1);
        resolver.OnEnd();
        Assert.That((append.State, append.Failure), Is.EqualTo((AppendState.Failed, DelosErrorCode.OutcomeUnknown)));
    }

    [Test]
    public void Append_found_above_the_trim_point_is_found()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104), Me, [append]);
        resolver.OnTrimmed(1);
        resolver.OnEntry(3, new AppendId(Me, 1));
        resolver.OnEnd();
        Assert.That(append.Position, Is.EqualTo(103));
    }

    [Test]
    public void One_pass_resolves_many_and_says_of_each_what_became_of_it()
    {
        var appends = Enumerable.Range(1, 4).Select(i => Sent(knownTail: 1, sequence: (ulong)i)).ToList();
        foreach (var append in appends) append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104), Me, appends);
        Assert.That((resolver.From, resolver.To), Is.EqualTo((1L, 4L)));
        resolver.OnEntry(1, new AppendId(Me, 1));
        resolver.OnEntry(2, new AppendId(8, 3));
        resolver.OnEntry(3, new AppendId(Me, 2));
        resolver.OnEnd();
        Assert.That(appends.Select(a => a.State), Is.EqualTo(new[] { AppendState.Done, AppendState.Done, AppendState.Ready, AppendState.Ready }));
    }

    [Test]
    public void Append_parked_in_another_segment_is_refused_by_the_resolver()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var other = new Segment(100, 104, MemoryLogletFactory.NewConfig(), Guid.NewGuid(), 1);
        Assert.That(() => new AppendResolver(other, Me, [append]), Throws.ArgumentException);
    }

    [Test]
    public void Modified_segment_still_resolves_what_was_sent_to_its_former_Loglet()
    {
        var append = Sent(0);
        append.OnGivenBack(-1);
        var resolver = new AppendResolver(Stopped(104) with { Loglet = MemoryLogletFactory.NewConfig() }, Me, [append]);
        resolver.OnEntry(0, new AppendId(Me, 1));
        Assert.That(append.Position, Is.EqualTo(100));
    }

    private static Segment Stopped(long stop) => s_open with { Stop = stop };

    private static AppendLifecycle Sent(long knownTail, ulong sequence = 1)
    {
        var append = new AppendLifecycle();
        append.Begin(sequence);
        append.OnSend(s_open, knownTail);
        return append;
    }
}
