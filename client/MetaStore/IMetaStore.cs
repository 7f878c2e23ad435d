namespace Delos.Client.MetaStore;

/// <summary>
/// Versioned registers with conditional write (DESIGN §3, MetaStore). Version 0 is "never written"; every write makes the next version, and a version's value never changes.
/// Several threads may call. Failing to reach a majority throws <see cref="MetaStoreUnavailableException"/>.
/// </summary>
public interface IMetaStore
{
    /// <summary>
    /// The newest version. Linearizable: at least as new as every version that was decided before the call, whoever learned of it. An undecided value that the read meets is
    /// finished first, so a version that was returned once is never missing from a later read (trap 16).
    /// </summary>
    ValueTask<VersionedValue> ReadAsync(string register, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes version <paramref name="expectedVersion"/> + 1 if no such version exists; answers with the winner. A write that met time-outs is pursued until its fate is known.
    /// When it is cancelled, or fails with <see cref="MetaStoreUnavailableException"/> whose outcome is unknown, it may still win later: read to find out (trap 15).
    /// </summary>
    ValueTask<WriteResult> WriteAsync(string register, ulong expectedVersion, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default);

    /// <summary>The names of the registers that begin with <paramref name="prefix"/>, sorted: those that any node of a majority knows, which includes each that was decided before the call.</summary>
    ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default);
}
