using Delos.Protocol.Connections;

namespace Delos.Client.Tables;

/// <summary>The way to a node: valid as long as the node list is the same, and the connection open.</summary>
/// <param name="Node">Which.</param>
/// <param name="ListVersion">Of the node list that it was found in.</param>
/// <param name="Connection">To it.</param>
/// <param name="Burst">How requests are sent over that connection.</param>
internal sealed record NodeLink(uint Node, ulong ListVersion, Connection Connection, RequestBurst Burst);
