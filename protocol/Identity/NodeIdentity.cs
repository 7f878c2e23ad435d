namespace Delos.Protocol.Identity;

/// <summary>Who a node is: written once by an explicit first start of its disk and checked at every later start (DESIGN §3, LogServer rule 6).</summary>
/// <param name="ClusterId">The cluster that the disk belongs to.</param>
/// <param name="NodeId">1 and up; 0 means "not a node" (a client).</param>
/// <param name="DiskId">Random, drawn when the disk was initialised: a wiped disk under a known node id is a different disk.</param>
public sealed record NodeIdentity(Guid ClusterId, uint NodeId, Guid DiskId);
