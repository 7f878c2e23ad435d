using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Messages;

namespace Delos.Tests.Loglets;

/// <summary>When an append of a StripedLoglet may be acknowledged.</summary>
public sealed class StripeWindowTests
{
    [Test]
    [Category("Trap23")]
    public void Nothing_is_acknowledged_before_every_lower_position_on_every_stripe_is_filled()
    {
        var window = new StripeWindow<string>(new StripeMath(3));
        window.OnCommitted(1, 0, "at 1");
        Assert.That(Taken(window), Is.Empty);
        Assert.That((window.FillOf(0), window.FillOf(1), window.FillOf(2)), Is.EqualTo((1, 0, 0)), "position 0 is needed, 2 is not");
        window.OnTail(2, 5);
        Assert.That(Taken(window), Is.Empty);
        window.OnCommitted(0, 0, "at 0");
        Assert.That(Taken(window), Is.EqualTo(new[] { ("at 0", 0L), ("at 1", 1L) }));
        Assert.That(window.Tail, Is.EqualTo(3));
    }

    [Test]
    [Category("Trap23")]
    public void Every_acknowledgement_of_random_histories_has_its_prefix_filled_and_none_is_forgotten()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var math = new StripeMath(random.Next(1, 6));
            var window = new StripeWindow<long>(math);
            var assigned = new long[math.Count];
            var filled = new HashSet<long>();
            var under = new List<(int Stripe, long Own)>();
            var acknowledged = new List<long>();
            for (var step = 0; step < 300; step++)
            {
                var stripe = random.Next(math.Count);
                if (random.Next(2) == 0)
                {
                    window.OnSent(stripe);
                    under.Add((stripe, assigned[stripe]++));
                }
                else if (under.FindIndex(u => u.Stripe == stripe) is >= 0 and var first)
                {
                    // A stripe acknowledges in its order.
                    var (_, own) = under[first];
                    under.RemoveAt(first);
                    window.OnReturned(stripe);
                    filled.Add(math.ToStriped(stripe, own));
                    window.OnCommitted(stripe, own, math.ToStriped(stripe, own));
                }
                else if (window.FillOf(stripe) is > 0 and var upTo)
                {
                    for (; assigned[stripe] < upTo; assigned[stripe]++) filled.Add(math.ToStriped(stripe, assigned[stripe]));
                    window.OnTail(stripe, upTo);
                }

                for (var taken = 0; taken < math.Count;)
                {
                    if (!window.TryTake(taken, out var append, out var position))
                    {
                        taken++;
                        continue;
                    }

                    Assert.That(append, Is.EqualTo(position));
                    Assert.That(Enumerable.Range(0, (int)position + 1).All(p => filled.Contains(p)), Is.True, $"seed {seed}: {position} is acknowledged, something below is not filled");
                    acknowledged.Add(position);
                }
            }

            for (var i = 0; i < math.Count; i++) Assert.That(acknowledged.Where(p => math.StripeOf(p) == i), Is.Ordered.And.Unique);
            Assert.That(window.Waiting, Is.LessThanOrEqualTo(filled.Count - acknowledged.Count));
        }
    }

    [Test]
    public void A_stripe_that_our_own_appends_will_fill_is_not_asked()
    {
        var window = new StripeWindow<string>(new StripeMath(2));
        window.OnSent(0);
        window.OnSent(1);
        window.OnReturned(1);
        window.OnCommitted(1, 0, "at 1");
        Assert.That(window.FillOf(0), Is.Zero, "one is on its way");
        window.OnReturned(0);
        Assert.That(window.FillOf(0), Is.EqualTo(1), "it was refused");
    }

    [Test]
    public void A_stripe_that_is_far_behind_is_filled_in_steps_that_its_sequencer_takes()
    {
        var window = new StripeWindow<string>(new StripeMath(2));
        window.OnCommitted(1, 3L * Fill.MaxGap, "far ahead");
        var fills = 0;
        for (var tail = 0L; window.FillOf(0) is > 0 and var upTo; tail = upTo)
        {
            Assert.That(upTo - tail, Is.LessThanOrEqualTo(Fill.MaxGap));
            window.OnTail(0, upTo);
            fills++;
        }

        Assert.That(fills, Is.EqualTo(4));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(7)]
    public void Positions_map_to_stripes_and_back(int count)
    {
        var math = new StripeMath(count);
        for (var position = 0L; position < 100; position++)
        {
            var stripe = math.StripeOf(position);
            Assert.That(math.ToStriped(stripe, math.OwnBelow(stripe, position)), Is.EqualTo(position));
            for (var i = 0; i < count; i++) Assert.That(math.OwnBelow(i, position), Is.EqualTo(Enumerable.Range(0, (int)position).Count(p => p % count == i)));
        }
    }

    [Test]
    public void Appends_are_dealt_out_so_that_all_stripes_are_level_and_no_gap_is_left()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var math = new StripeMath(random.Next(1, 9));
            var levels = Enumerable.Range(0, math.Count).Select(_ => (long)random.Next(20)).ToArray();
            var count = random.Next(1, 100);
            var shares = new int[math.Count];
            StripeChoice.Deal(math, levels, count, shares);
            Assert.That(shares.Sum(), Is.EqualTo(count));

            // One by one, each to the lowest free position, comes to the same.
            var expected = new int[math.Count];
            for (var i = 0; i < count; i++) expected[Enumerable.Range(0, math.Count).MinBy(s => math.ToStriped(s, levels[s] + expected[s]))]++;
            Assert.That(shares, Is.EqualTo(expected));
        }
    }

    private static List<(string, long)> Taken(StripeWindow<string> window)
    {
        var taken = new List<(string, long)>();
        for (var i = 0; i < 3; i++)
        {
            while (window.TryTake(i, out var append, out var position)) taken.Add((append, position));
        }

        return taken;
    }
}
