namespace Delos.Client.MetaStore;

/// <summary>One decided version of a register.</summary>
/// <param name="Version">0: never written, and the payload is empty.</param>
/// <param name="Payload">Opaque to the MetaStore.</param>
public readonly record struct VersionedValue(ulong Version, ReadOnlyMemory<byte> Payload);

/// <summary>How a conditional write ended.</summary>
/// <param name="Won">The caller's payload is version expected + 1, even if later versions exist by now.</param>
/// <param name="Winner">When won: the caller's version. Else the newest version that was seen decided, at least expected + 1 unless the caller expected a version that does not exist.</param>
public readonly record struct WriteResult(bool Won, VersionedValue Winner);
