using System.Net;

namespace Delos.Protocol.Connections;

/// <summary>An end of a connection within the process, for messages and logs.</summary>
/// <param name="address">Where the listener is known; null for the end that dialled.</param>
internal sealed class InProcessEndPoint(EndPoint? address) : EndPoint
{
    public override string ToString() => address is null ? "this process" : $"{address} in this process";
}
