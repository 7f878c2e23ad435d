using Delos.Protocol.Messages;

namespace Delos.Daemon.MetaStore;

/// <summary>What an acceptor must remember of one register. Immutable.</summary>
/// <param name="Name">The register's name.</param>
/// <param name="Promised">No lower ballot is accepted any more, in <paramref name="Instance"/> or a later one.</param>
/// <param name="Instance">The newest instance with an accepted value; 0: none.</param>
/// <param name="Accepted">The ballot at which it was accepted.</param>
/// <param name="Value">The accepted value.</param>
internal sealed record AcceptorRegister(string Name, Ballot Promised, ulong Instance, Ballot Accepted, ReadOnlyMemory<byte> Value);
