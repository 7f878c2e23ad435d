using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Reconfiguration;

/// <summary>What became of a conditional write of a chain.</summary>
/// <param name="Chain">The newest chain known.</param>
/// <param name="Won">The edit is in it, or was in the version that it was written for.</param>
internal readonly record struct ChainWriteOutcome(Chain Chain, bool Won);

/// <summary>Conditional writes of chains whose outcome is always found out, also when the answer is lost (trap 15).</summary>
internal sealed class ChainWriter(ChainStore chains, ReconfigurerOptions options, TimeProvider time, ILogger logger)
{
    /// <exception cref="DelosException">NotFound; Unavailable.</exception>
    public async ValueTask<Chain> ReadAsync(string log, CancellationToken cancellationToken)
    {
        try
        {
            return await chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) ?? throw new DelosException(DelosErrorCode.NotFound, $"There is no log '{log}'.");
        }
        catch (MetaStoreUnavailableException e)
        {
            throw new DelosException(DelosErrorCode.Unavailable, e.Message, e);
        }
    }

    /// <summary>
    /// Writes <paramref name="next"/> if version <c>next.Version - 1</c> is the newest. A write whose answer does not come is read back until its version is decided; meanwhile the same write, and no other, may be sent again.
    /// </summary>
    /// <param name="log">The log.</param>
    /// <param name="next">The edited chain.</param>
    /// <param name="isIn">Whether a chain holds the edit: by this the win is recognised, however many versions followed. For a new segment: its install id.</param>
    /// <param name="cancellationToken">Ends the wait; the write may still win.</param>
    /// <exception cref="MetaStoreUnavailableException">Its OutcomeUnknown says whether the write may still win.</exception>
    public async ValueTask<ChainWriteOutcome> WriteAsync(string log, Chain next, Func<Chain, bool> isIn, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var delay = TimeSpan.FromMilliseconds(2);
        var unknown = false;
        while (true)
        {
            try
            {
                var (won, winner) = await chains.WriteAsync(log, next, cancellationToken).ConfigureAwait(false);
                return new ChainWriteOutcome(winner, won || isIn(winner));
            }
            catch (MetaStoreUnavailableException e)
            {
                unknown |= e.OutcomeUnknown;
                logger.ChainWriteUnknown(log, next.Version, e);
                if (time.GetElapsedTime(begun) >= options.ReadBackTimeout)
                    throw unknown == e.OutcomeUnknown ? e : new MetaStoreUnavailableException(e.Message, unknown, e);
            }

            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, TimeSpan.TicksPerSecond / 5));
        }
    }
}
