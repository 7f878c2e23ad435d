using Delos.Protocol.Chains;

namespace Delos.Client.Loglets;

/// <summary>Makes the client's end of a Loglet. Opening touches nothing remote; several objects may be open for one config.</summary>
public interface ILogletFactory
{
    ILoglet Open(LogletConfig config);
}
