using Delos.Protocol.Connections;

namespace Delos.Client.Loglets;

/// <summary>Connects to a node by its id: <c>NodeDirectory.ConnectAsync</c>. The connections' frames must reach the <see cref="LogletFrameRouter"/> given to the same factory.</summary>
public delegate ValueTask<Connection> LogletConnector(uint nodeId, CancellationToken cancellationToken);
