using System.Net;

namespace Delos.Client.MetaStore;

/// <summary>Host and port as the framework wants them: a literal address is not resolved.</summary>
public static class NodeAddress
{
    public static EndPoint Of(string host, int port) => IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
}
