using Delos.Protocol.Identity;

namespace Delos.Daemon.Node;

/// <summary>The identity of a node's disk, as its file has it.</summary>
/// <param name="Identity">Cluster, node and disk ids.</param>
/// <param name="IsReplacement">
/// The disk took the place of a lost one. Its MetaStore acceptor starts empty under a known node id, so it must not vote as if it remembered what the lost
/// one had promised: the role stays off on such a disk.
/// </param>
internal sealed record DiskIdentity(NodeIdentity Identity, bool IsReplacement);
