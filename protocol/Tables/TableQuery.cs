namespace Delos.Protocol.Tables;

/// <summary>Something that reads tables. Its bytes: <see cref="TableQueryCodec"/>.</summary>
/// <param name="Snapshot">Which state to read, of one that an earlier answer named; null: the present one.</param>
public abstract record TableQuery(SnapshotId? Snapshot);

/// <summary>Rows by their primary keys.</summary>
/// <param name="Table">The table's name.</param>
/// <param name="Keys">Each the primary key's values, in its order. The answer has one place for each.</param>
/// <param name="Columns">Names of the columns wanted; null: all.</param>
/// <param name="Snapshot">Which state to read.</param>
public sealed record GetRows(string Table, IReadOnlyList<IReadOnlyList<CellValue>> Keys, IReadOnlyList<string>? Columns = null, SnapshotId? Snapshot = null) : TableQuery(Snapshot);

/// <summary>An end of a range of keys.</summary>
/// <param name="Values">Values of the first columns of the key, at least one; not necessarily of all of them.</param>
/// <param name="Inclusive">Whether keys that begin with exactly these values belong to the range.</param>
public sealed record KeyBound(IReadOnlyList<CellValue> Values, bool Inclusive);

/// <summary>Keys that begin alike.</summary>
/// <param name="Values">Values of the first columns of the key; possibly none.</param>
/// <param name="Start">How the next column's string or bytes begin; null: as they like.</param>
public sealed record KeyPrefix(IReadOnlyList<CellValue> Values, CellValue Start = default);

/// <summary>Which keys: those that fulfil all that is given.</summary>
/// <param name="Lower">Where it begins; null: with the first.</param>
/// <param name="Upper">Where it ends; null: with the last.</param>
/// <param name="Prefix">How keys begin; null: as they like.</param>
public sealed record KeyBounds(KeyBound? Lower = null, KeyBound? Upper = null, KeyPrefix? Prefix = null)
{
    public static KeyBounds All { get; } = new();

    /// <summary>Keys whose first columns have these values.</summary>
    public static KeyBounds StartingWith(params IReadOnlyList<CellValue> values) => new(Prefix: new KeyPrefix(values));

    public static KeyBounds From(params IReadOnlyList<CellValue> values) => new(Lower: new KeyBound(values, true));

    /// <summary>[lower, upper), each of any number of columns.</summary>
    public static KeyBounds Between(IReadOnlyList<CellValue> lower, IReadOnlyList<CellValue> upper) => new(new KeyBound(lower, true), new KeyBound(upper, false));
}

/// <summary>Rows in the order of the primary key or of an index, page by page.</summary>
/// <param name="Table">The table's name.</param>
/// <param name="Index">The index's name; null: the primary key.</param>
/// <param name="Bounds">Which keys.</param>
/// <param name="Reverse">Highest key first.</param>
/// <param name="Limit">Rows on a page, at most <see cref="TableLimits.RowsOfAnswer"/>; 0: so many.</param>
/// <param name="MaxBytes">Bytes of rows on a page, at most <see cref="TableLimits.AnswerBytes"/>, but always one row; 0: so many.</param>
/// <param name="Columns">Names of the columns wanted; null: all.</param>
/// <param name="Filters">Rows must fulfil all of them.</param>
/// <param name="Token">Of the page before, which was read by the same query; null: the first page. Read at the token's snapshot (<see cref="PageToken"/>).</param>
/// <param name="Snapshot">Which state to read.</param>
public sealed record ScanRows(string Table, string? Index, KeyBounds Bounds, bool Reverse, int Limit, int MaxBytes, IReadOnlyList<string>? Columns, IReadOnlyList<ColumnPredicate> Filters, byte[]? Token, SnapshotId? Snapshot)
    : TableQuery(Snapshot)
{
    public ScanRows(string table, KeyBounds? bounds = null, string? index = null)
        : this(table, index, bounds ?? KeyBounds.All, false, 0, 0, null, [], null, null)
    {
    }
}

/// <summary>Tables with their schemas and sizes.</summary>
/// <param name="Table">Of one; null: of all, in the order of their ids.</param>
/// <param name="Snapshot">Which state to read.</param>
public sealed record DescribeTables(string? Table = null, SnapshotId? Snapshot = null) : TableQuery(Snapshot);

/// <summary>
/// What changed in a table, or in a range of its primary keys, in the order of the log. Whoever asks again from the answer's <see cref="ChangesResult.Through"/> on misses nothing and sees nothing twice; all changes of
/// one command come in one answer.
/// </summary>
/// <param name="Table">The table's name.</param>
/// <param name="TableId">Its id, so that another table of the same name is not taken for it; 0: whichever has the name.</param>
/// <param name="After">Changes by later commands than this are wanted.</param>
/// <param name="Bounds">Which primary keys.</param>
/// <param name="MaxChanges">After which number the answer ends; at most <see cref="TableLimits.RowsOfAnswer"/>; 0: so many.</param>
/// <param name="Snapshot">Which state to read.</param>
public sealed record ReadChanges(string Table, uint TableId, RowVersion After, KeyBounds Bounds, int MaxChanges = 0, SnapshotId? Snapshot = null) : TableQuery(Snapshot);
