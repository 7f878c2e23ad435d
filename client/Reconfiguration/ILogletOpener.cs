using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.Reconfiguration;

/// <summary>Makes a placed Loglet exist before it is installed. Thread-safe.</summary>
public interface ILogletOpener
{
    /// <summary>Asks every sequencer named in the config to serve it.</summary>
    /// <param name="config">Placed, and not installed yet.</param>
    /// <param name="patience">Ends the wait for answers, without an exception: those that have not answered are Unavailable.</param>
    ValueTask<OpenResult> OpenAsync(LogletConfig config, CancellationToken patience);
}

/// <summary>Whether a placed Loglet can be installed.</summary>
/// <param name="Status">Ok: a majority of the replicas exist, of every stripe. Any other: this candidate is of no use, place another; Unavailable: no answer in time.</param>
/// <param name="Node">Unless Ok: the sequencer that said so, or did not answer.</param>
public readonly record struct OpenResult(StatusCode Status, uint Node);
