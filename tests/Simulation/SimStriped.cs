using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Tests.Simulation;

/// <summary>A Loglet made of others, round robin; as client/Loglets/StripedLoglet.cs and StripedReader.cs.</summary>
internal sealed class SimStriped(ClusterSimulation cluster, ISimLoglet[] stripes) : ISimLoglet
{
    private readonly StripeMath _math = new(stripes.Length);

    public async Task<(TailOutcome Outcome, long Tail)> CheckTailAsync()
    {
        var whole = Whole(await AllAsync(static s => s.CheckTailAsync()));
        return whole.Outcome == TailOutcome.Sealed ? await SealAsync() : whole;
    }

    /// <summary>All stripes first; the stripes' tails are worth nothing before.</summary>
    public async Task<(TailOutcome Outcome, long Tail)> SealAsync()
    {
        switch (cluster.Mutant)
        {
            case SimMutant.OneStripeSealed:
                return Whole(await Task.WhenAll(stripes.Select((s, i) => i == 0 ? s.SealAsync() : s.CheckTailAsync()).ToArray()));
            case SimMutant.StripeTailsBeforeSeal:
                var open = Whole(await AllAsync(static s => s.CheckTailAsync()));
                var sealing = Whole(await AllAsync(static s => s.SealAsync()));
                return open.Outcome == TailOutcome.Open ? sealing with { Tail = open.Tail } : sealing;
            default:
                return Whole(await AllAsync(static s => s.SealAsync()));
        }
    }

    public async Task<(TailOutcome Outcome, long Tail)> SealWithoutRepairAsync() => Whole(await AllAsync(static s => s.SealWithoutRepairAsync()));

    public async Task<long> HighestTailAsync() => _math.Tail(await AllAsync(static s => s.HighestTailAsync()));

    public async Task<(StatusCode Status, byte[][] Entries, long TrimPoint)> ReadAsync(long min, long max, long bound)
    {
        var end = Math.Min(max, bound);
        var reads = await Task.WhenAll(stripes.Select((s, i) => ReadStripeAsync(s, _math.OwnBelow(i, min), _math.OwnBelow(i, end), _math.OwnBelow(i, bound))).ToArray());
        var trim = _math.TrimPoint([.. reads.Select(r => r.TrimPoint)]);
        if (reads.Any(r => r.Status == StatusCode.Deleted)) return (StatusCode.Deleted, [], trim);
        if (reads.Any(r => r.Status == StatusCode.Trimmed)) return (StatusCode.Trimmed, [], trim);
        if (reads.FirstOrDefault(r => r.Status != StatusCode.Ok) is { Status: not StatusCode.Ok } failed) return failed;
        return (StatusCode.Ok, Merge(min, end, [.. reads.Select(r => r.Entries)]), trim);
    }

    /// <summary>Pushed by the stripes up to their own tails; passed on is what has no gap below.</summary>
    public async Task<(StatusCode Status, long First, byte[][] Entries)> FollowAsync(int turn, long min, long stop, bool isFilledBelow)
    {
        isFilledBelow |= stop >= 0 || cluster.Mutant is SimMutant.ReadBeyondStripedTail or SimMutant.FollowedFromBeyondTail;
        var pushed = await Task.WhenAll(stripes.Select((s, i) => FollowStripeAsync(s, turn, _math.OwnBelow(i, min), stop < 0 ? stop : _math.OwnBelow(i, stop), isFilledBelow)).ToArray());
        if (cluster.Mutant == SimMutant.ReadBeyondStripedTail && Array.FindIndex(pushed, p => p.Entries.Length > 0) is >= 0 and var any) return (StatusCode.Ok, _math.ToStriped(any, pushed[any].First), [pushed[any].Entries[0]]);
        var isFilled = pushed.All(p => p.Status == StatusCode.Ok);
        return (StatusCode.Ok, min, isFilledBelow || isFilled ? Merge(min, stop < 0 ? long.MaxValue : stop, [.. pushed.Select(p => p.Entries)]) : []);
    }

    public async Task<long> TrimAsync(long position, long bound)
    {
        if (cluster.Mutant == SimMutant.UnboundedTrim) bound = position;
        position = Math.Min(position, bound);
        var points = await Task.WhenAll(stripes.Select((s, i) => s.TrimAsync(_math.OwnBelow(i, position), _math.OwnBelow(i, bound))).ToArray());
        return points.Contains(-1) ? -1 : Math.Min(_math.Tail(points), bound);
    }

    public Task DeleteAsync() => Task.WhenAll(stripes.Select(s => s.DeleteAsync()).ToArray());

    /// <summary>What one stripe says against it holds for the whole.</summary>
    private (TailOutcome Outcome, long Tail) Whole((TailOutcome Outcome, long Tail)[] tails)
    {
        foreach (var against in new[] { TailOutcome.Deleted, TailOutcome.Pending })
        {
            if (tails.Any(t => t.Outcome == against)) return (against, 0);
        }

        return (tails.Any(t => t.Outcome == TailOutcome.Sealed) ? TailOutcome.Sealed : TailOutcome.Open, _math.Tail([.. tails.Select(t => t.Tail)]));
    }

    /// <summary>Begins one below, unless it is known that everything there is committed: once that one comes, or turns out to be trimmed, it is. Ok: it is.</summary>
    private static async Task<(StatusCode Status, long First, byte[][] Entries)> FollowStripeAsync(ISimLoglet stripe, int turn, long min, long stop, bool isFilledBelow)
    {
        if (isFilledBelow || min == 0) return await stripe.FollowAsync(turn, min, stop, true) with { Status = StatusCode.Ok };
        var pushed = await stripe.FollowAsync(turn, min - 1, stop, true);
        if (pushed.Status == StatusCode.Trimmed) return await stripe.FollowAsync(turn, min, stop, true) with { Status = StatusCode.Ok };
        return pushed.Entries.Length > 0 ? (StatusCode.Ok, min, pushed.Entries[1..]) : (StatusCode.Lagging, min, []);
    }

    private static async Task<(StatusCode Status, byte[][] Entries, long TrimPoint)> ReadStripeAsync(ISimLoglet stripe, long min, long max, long bound) =>
        min < max ? await stripe.ReadAsync(min, max, bound) : (StatusCode.Ok, [], 0);

    /// <summary>The stripes' entries, each from its first position at or behind <paramref name="min"/> on, as far as none is missing.</summary>
    private byte[][] Merge(long min, long end, byte[][][] own)
    {
        var merged = new List<byte[]>();
        for (var position = min; position < end; position++)
        {
            var stripe = _math.StripeOf(position);
            var index = _math.OwnBelow(stripe, position) - _math.OwnBelow(stripe, min);
            if (index >= own[stripe].Length) break;
            merged.Add(own[stripe][index]);
        }

        return [.. merged];
    }

    private Task<T[]> AllAsync<T>(Func<ISimLoglet, Task<T>> ask) => Task.WhenAll(stripes.Select(ask).ToArray());
}
