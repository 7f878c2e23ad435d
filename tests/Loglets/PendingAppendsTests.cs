using Delos.Client.Loglets;

namespace Delos.Tests.Loglets;

[TestFixture]
public class PendingAppendsTests
{
    private readonly AppendClient _client = new(1);

    [Test]
    public void Ops_are_found_by_sequence_and_sent_in_the_order_of_the_calls()
    {
        var pending = new PendingAppends();
        foreach (var sequence in new ulong[] { 5, 6, 3 }) Assert.That(pending.TryAdd(Op(sequence)), Is.True);
        Assert.That(Unsent(pending), Is.EqualTo(new ulong[] { 5, 6, 3 }));
        Assert.That((pending.Low, pending.End, pending.Count), Is.EqualTo((3ul, 7ul, 3)));
        Assert.That(pending.Take(4), Is.Null);
        Assert.That(pending.Take(3)!.Sequence, Is.EqualTo(3));
        Assert.That(pending.Low, Is.EqualTo(5));
        Assert.That(pending.Take(3), Is.Null, "once only");
    }

    [Test]
    public void Everything_is_sent_again_by_sequence()
    {
        var pending = new PendingAppends();
        foreach (var sequence in new ulong[] { 5, 6, 3, 9 }) pending.TryAdd(Op(sequence));
        Unsent(pending);
        pending.Take(6);
        pending.SendAllAgain();
        Assert.That(Unsent(pending), Is.EqualTo(new ulong[] { 3, 5, 9 }));
    }

    [Test]
    public void An_op_that_was_answered_is_not_sent()
    {
        var pending = new PendingAppends();
        foreach (var sequence in new ulong[] { 1, 2, 3 }) pending.TryAdd(Op(sequence));
        pending.Take(2);
        Assert.That(Unsent(pending), Is.EqualTo(new ulong[] { 1, 3 }));
    }

    [Test]
    public void A_sequence_that_is_pending_or_too_far_away_is_refused()
    {
        var pending = new PendingAppends();
        Assert.That(pending.TryAdd(Op(10)), Is.True);
        Assert.That(pending.TryAdd(Op(10)), Is.False);
        Assert.That(pending.TryAdd(Op(10 + PendingAppends.MaxSpan)), Is.False);
        Assert.That(pending.TryAdd(Op(9 + PendingAppends.MaxSpan)), Is.True);
    }

    [Test]
    public void It_agrees_with_a_dictionary([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        var pending = new PendingAppends();
        var model = new SortedDictionary<ulong, AppendOp>();
        var next = 1ul;
        for (var step = 0; step < 5000; step++)
        {
            if (random.Next(5) < 3)
            {
                var sequence = random.Next(10) == 0 ? next - (ulong)random.NextInt64((long)Math.Min(next, 50)) : next++;
                var op = Op(sequence);
                Assert.That(pending.TryAdd(op), Is.EqualTo(model.TryAdd(sequence, op)));
            }
            else if (model.Count > 0)
            {
                var sequence = random.Next(2) == 0 ? model.First().Key : next - (ulong)random.NextInt64((long)Math.Min(next, 100));
                Assert.That(pending.Take(sequence), Is.SameAs(model.GetValueOrDefault(sequence)));
                model.Remove(sequence);
            }

            Assert.That(pending.Count, Is.EqualTo(model.Count));
            if (model.Count > 0) Assert.That(pending.Low, Is.EqualTo(model.First().Key));
            if (step % 500 == 0)
            {
                pending.SendAllAgain();
                Assert.That(Unsent(pending), Is.EqualTo(model.Keys));
            }
        }
    }

    private static List<ulong> Unsent(PendingAppends pending)
    {
        var sequences = new List<ulong>();
        while (pending.PeekUnsent() is { } op)
        {
            sequences.Add(op.Sequence);
            pending.DequeueUnsent();
        }

        return sequences;
    }

    private TestOp Op(ulong sequence) => new(_client) { Sequence = sequence };
}
