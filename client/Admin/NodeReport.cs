using Delos.Protocol.Identity;

namespace Delos.Client.Admin;

/// <summary>One node of the node list and what it answered.</summary>
/// <param name="NodeId">Its number.</param>
/// <param name="DiskId">Of its disk, by the node list.</param>
/// <param name="Host">Where it listens.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Roles">By the node list.</param>
/// <param name="StatusJson">Its status document (JSON, see NodeStatusDocument); null if it did not answer in time.</param>
/// <param name="Error">Why not.</param>
public sealed record NodeReport(uint NodeId, Guid DiskId, string Host, int Port, NodeRoles Roles, ReadOnlyMemory<byte>? StatusJson, string? Error)
{
    public bool IsReachable => StatusJson is not null;
}
