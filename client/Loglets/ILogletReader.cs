using Delos.Protocol.Chains;

namespace Delos.Client.Loglets;

/// <summary>The entries of one Loglet, for reading. Thread-safe.</summary>
public interface ILogletReader
{
    LogletConfig Config { get; }

    /// <summary>The entries from <paramref name="min"/> on, below <paramref name="max"/> and <paramref name="bound"/>, contiguous; another replica is asked when one lags, is damaged or silent.</summary>
    /// <param name="min">First position wanted.</param>
    /// <param name="max">First position not wanted.</param>
    /// <param name="bound">A tail acknowledged or reported open (<see cref="ILoglet.KnownTail"/>), or the stop of the installed chain; never the tail of a sealed <see cref="TailResult"/> (rule 4).</param>
    /// <param name="maxBytes">Soft limit; at least one entry comes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="LogletException">No replica could answer in time; the message says what each said.</exception>
    ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken);
}
