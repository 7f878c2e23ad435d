using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>What a scan reads; immutable. Rows that fulfil all that is given.</summary>
public sealed record ScanOptions
{
    public static ScanOptions All { get; } = new();

    /// <summary>The index in whose order, and by whose columns, is read; null: the primary key.</summary>
    public string? Index { get; init; }

    /// <summary>Which keys, of the index or primary key.</summary>
    public KeyBounds Bounds { get; init; } = KeyBounds.All;

    /// <summary>Highest key first.</summary>
    public bool Reverse { get; init; }

    /// <summary>Most rows in all; 0: no bound.</summary>
    public long Limit { get; init; }

    /// <summary>Most rows on one page, which is what one answer brings; 0: as many as tables give, <see cref="TableLimits.RowsOfAnswer"/>. Fewer bring the first row sooner.</summary>
    public int PageRows { get; init; }

    /// <summary>Names of the columns wanted; null: all.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>Rows must fulfil all of them, at most <see cref="TableLimits.Predicates"/>.</summary>
    public IReadOnlyList<ColumnPredicate> Filters { get; init; } = [];

    /// <summary>How fresh the first page must be; all others show the same moment. In a transaction that has read already its snapshot counts instead.</summary>
    public TableReadLevel Level { get; init; }

    internal ScanRows ToQuery(string table, byte[]? token, long rowsLeft)
    {
        var most = PageRows == 0 ? TableLimits.RowsOfAnswer : PageRows;
        return new ScanRows(table, Index, Bounds, Reverse, (int)Math.Min(most, rowsLeft), 0, Columns, Filters, token, null);
    }

    internal ScanOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Limit);
        ArgumentOutOfRangeException.ThrowIfNegative(PageRows);
        return this;
    }
}

/// <summary>One page of a scan.</summary>
/// <param name="Snapshot">Which state all pages of the scan show: watch from its version on to miss nothing that came later.</param>
/// <param name="Columns">Names of the rows' columns.</param>
/// <param name="Rows">In order; possibly none, though further pages follow.</param>
public sealed record ScanPage(SnapshotId Snapshot, IReadOnlyList<string> Columns, IReadOnlyList<VersionedRow> Rows);
