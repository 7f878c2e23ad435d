using Delos.Protocol.Chains;

namespace Delos.Client.MetaStore;

/// <summary>What became of the conditional write of a chain.</summary>
/// <param name="Won">It is the one that was to be written.</param>
/// <param name="Winner">The chain of that version, or a newer one.</param>
public readonly record struct ChainStoreWrite(bool Won, Chain Winner);

/// <summary>The chains of all logs, each in a register of its own, <c>log/&lt;name&gt;</c>; the register's version is the chain's.</summary>
public sealed class ChainStore(IMetaStore metaStore)
{
    private const string Prefix = "log/";

    /// <summary>The newest chain, linearizable; null: there is no such log.</summary>
    /// <exception cref="InvalidDataException">The register holds no chain that this version understands.</exception>
    public async ValueTask<Chain?> ReadAsync(string log, CancellationToken cancellationToken = default)
    {
        var value = await metaStore.ReadAsync(Prefix + log, cancellationToken).ConfigureAwait(false);
        return value.Version == 0 ? null : Decode(log, value);
    }

    /// <summary>
    /// Installs <paramref name="next"/> if version <c>next.Version - 1</c> is still the newest. The answer holds the chain that won; when another one did, it may be newer than <c>next.Version</c>.
    /// </summary>
    public async ValueTask<ChainStoreWrite> WriteAsync(string log, Chain next, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(next.Version);
        var result = await metaStore.WriteAsync(Prefix + log, next.Version - 1, ChainCodec.Encode(next), cancellationToken).ConfigureAwait(false);
        if (result.Won) return new ChainStoreWrite(true, next);
        if (result.Winner.Version == 0) throw new InvalidOperationException($"Log '{log}' does not exist: version {next.Version} cannot follow version 0.");
        return new ChainStoreWrite(false, Decode(log, result.Winner));
    }

    /// <summary>The names of all logs, sorted.</summary>
    public async ValueTask<IReadOnlyList<string>> ListLogsAsync(CancellationToken cancellationToken = default)
    {
        var registers = await metaStore.ListAsync(Prefix, cancellationToken).ConfigureAwait(false);
        return [.. registers.Select(r => r[Prefix.Length..])];
    }

    private static Chain Decode(string log, VersionedValue value) =>
        ChainCodec.Decode(value.Version, value.Payload.Span)
        ?? throw new InvalidDataException($"Version {value.Version} of log '{log}' is not a chain that this version of Delos understands.");
}
