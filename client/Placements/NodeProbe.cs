using Delos.Protocol.Cluster;

namespace Delos.Client.Placements;

/// <summary>A node of the list and what it said of itself just now.</summary>
/// <param name="Node">As the list has it.</param>
/// <param name="Incarnation">Of its process; 0 if it gave no answer.</param>
/// <param name="IsReady">It answered, with the disk that the list names, and takes new Loglets.</param>
internal sealed record NodeProbe(NodeInfo Node, ulong Incarnation, bool IsReady);
