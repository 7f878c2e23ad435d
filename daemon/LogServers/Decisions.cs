using System.Runtime.InteropServices;
using Delos.Protocol.Framing;

namespace Delos.Daemon.LogServers;

/// <summary>What <see cref="ReplicaCore"/> says to entries that were offered to it.</summary>
/// <param name="Status">Ok: take them. Any other: nothing is stored and nothing acknowledged.</param>
/// <param name="Skip">How many of the first entries the replica holds already; all of them: nothing is left to store.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct StoreDecision(StatusCode Status, uint Skip);

/// <summary>What a trim request leads to.</summary>
/// <param name="Status">Ok, or why nothing happens.</param>
/// <param name="Target">The point that the replica will be trimmed to: the request's position, clamped.</param>
/// <param name="MustAppend">A trim record has to be stored first; otherwise one is on its way, or done.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TrimDecision(StatusCode Status, long Target, bool MustAppend);

/// <summary>What a read may return.</summary>
/// <param name="Status">Ok, or why not.</param>
/// <param name="End">First position that it must not return; equal to its Min: nothing is there to return.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ReadDecision(StatusCode Status, long End);

/// <summary>What a seal request leads to.</summary>
public enum SealDecision : byte
{
    /// <summary>A seal record has to be stored; answer once it is durable.</summary>
    MustAppend,

    /// <summary>One is on its way; answer once it is durable.</summary>
    Wait,

    /// <summary>Durably sealed.</summary>
    Sealed,

    /// <summary>A tombstone.</summary>
    Deleted,

    /// <summary>Damage hides the tail: the replica can be no part of a sealed majority.</summary>
    Unknown,
}

/// <summary>What became true when the replica's log became durable up to an address.</summary>
/// <param name="AckTail">The durable tail to acknowledge to the sequencer; -1: nothing to acknowledge.</param>
/// <param name="BecameSealed">Answer those who wait for the seal, behind the acknowledgement.</param>
/// <param name="Copied">Repair copies or patches became durable.</param>
/// <param name="Trimmed">The trim point rose: space may be freed.</param>
/// <param name="Created">The replica's config is durable.</param>
/// <param name="Bytes">Payload bytes that are no longer "accepted but not durable".</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DurableEffects(long AckTail, bool BecameSealed, bool Copied, bool Trimmed, bool Created, long Bytes)
{
    public bool Any => AckTail >= 0 || BecameSealed || Copied || Trimmed || Created || Bytes > 0;
}
