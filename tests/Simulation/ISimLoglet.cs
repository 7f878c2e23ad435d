using Delos.Client.Loglets;
using Delos.Protocol.Framing;

namespace Delos.Tests.Simulation;

/// <summary>A Loglet from a client's or reconfigurer's end, whatever it is made of; positions are its own. As client/Loglets/ILoglet.cs; its appends are <see cref="SimAppends"/>.</summary>
internal interface ISimLoglet
{
    /// <summary>Pending: no majority in time.</summary>
    Task<(TailOutcome Outcome, long Tail)> CheckTailAsync();

    Task<(TailOutcome Outcome, long Tail)> SealAsync();

    /// <summary>The mutant of trap 10: seals a majority and believes the highest tail.</summary>
    Task<(TailOutcome Outcome, long Tail)> SealWithoutRepairAsync();

    /// <summary>For the mutant of trap 22.</summary>
    Task<long> HighestTailAsync();

    Task<(StatusCode Status, byte[][] Entries, long TrimPoint)> ReadAsync(long min, long max, long bound);

    /// <summary>What a subscription that stands at <paramref name="min"/> is pushed by the LogServers of that turn.</summary>
    /// <param name="turn">Which replica, of each stripe.</param>
    /// <param name="min">First position wanted.</param>
    /// <param name="stop">-1: the segment is open.</param>
    /// <param name="isFilledBelow">Everything below <paramref name="min"/> is known to be committed.</param>
    Task<(StatusCode Status, long First, byte[][] Entries)> FollowAsync(int turn, long min, long stop, bool isFilledBelow);

    /// <summary>The point achieved; -1: no majority answered.</summary>
    Task<long> TrimAsync(long position, long bound);

    Task DeleteAsync();
}
