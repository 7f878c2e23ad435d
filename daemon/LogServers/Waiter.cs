using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Daemon.LogServers;

/// <summary>What a <see cref="Waiter"/> is answered.</summary>
internal enum WaiterKind : byte
{
    Seal,
    Repair,
    Trim,
    Task,
}

/// <summary>Somebody who is answered once the replica's log is durable up to <paramref name="EndAddress"/>.</summary>
internal readonly record struct Waiter(long EndAddress, WaiterKind Kind, Connection? Connection, ulong CorrelationId, TaskCompletionSource<StatusCode>? Task);
