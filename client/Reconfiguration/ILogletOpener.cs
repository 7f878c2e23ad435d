using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.Reconfiguration;

/// <summary>Makes a placed Loglet exist before it is installed. Thread-safe.</summary>
public interface ILogletOpener
{
    /// <summary>
    /// Asks the sequencer named in the config to serve it. Ok: a majority of the replicas exist. Any other status: this candidate is of no use, place another; Unavailable: no answer in time.
    /// </summary>
    ValueTask<StatusCode> OpenAsync(LogletConfig config, CancellationToken cancellationToken = default);
}
