using Delos.Client.Loglets;
using Delos.Protocol.Chains;

namespace Delos.Client.Reconfiguration;

/// <summary>Copies the Loglet of a sealed segment. Thread-safe.</summary>
public interface ISegmentCopier
{
    /// <summary>
    /// Copies <c>[trim point, length)</c> of <paramref name="source"/>, entry by entry and bit by bit, into the fresh Loglet <paramref name="target"/>, which is sealed afterwards and durable on a majority
    /// of its replicas. Never a position at or behind <paramref name="length"/>: entries there are not in the log (trap 22).
    /// </summary>
    /// <param name="source">The Loglet of an installed segment, possibly with edits.</param>
    /// <param name="length">The segment's stop as a position of the Loglet.</param>
    /// <param name="target">Placed; exists nowhere yet.</param>
    /// <param name="cancellationToken">Ends it; the target is then to be deleted.</param>
    ValueTask CopyAsync(ILogletReader source, long length, LogletConfig target, CancellationToken cancellationToken = default);
}
