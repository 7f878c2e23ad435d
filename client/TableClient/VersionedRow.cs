using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>A row as it was read.</summary>
/// <param name="Values">By the names of the columns that were asked for.</param>
/// <param name="Version">Which command wrote it: what <see cref="Condition.VersionIs"/> takes.</param>
/// <param name="ExpiresAt">When it expires; null: never.</param>
public sealed record VersionedRow(Row Values, RowVersion Version, DateTimeOffset? ExpiresAt)
{
    /// <exception cref="KeyNotFoundException">The column was not asked for, or the table has none of that name.</exception>
    public CellValue this[string column] => Values[column];

    internal static VersionedRow Of(IReadOnlyList<string> columns, FoundRow row) => new(Row.Of(columns, row.Values), row.Version, row.ExpiresAt is { } micros ? Micros.ToTime(micros) : null);
}

/// <summary>An object as it was read.</summary>
/// <param name="Value">What the map made of the row.</param>
/// <param name="Version">Which command wrote the row.</param>
/// <param name="ExpiresAt">When it expires; null: never.</param>
public sealed record Versioned<T>(T Value, RowVersion Version, DateTimeOffset? ExpiresAt);
