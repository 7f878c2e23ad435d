namespace Delos.Protocol.Tables;

/// <summary>The answer to a <see cref="TableQuery"/>. Its bytes: <see cref="QueryReplyCodec"/>.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Message">Why, and what to do about it, for people; empty if it is Ok.</param>
/// <param name="Snapshot">Which state was read.</param>
/// <param name="Result">What was found; null unless it is Ok.</param>
public sealed record QueryReply(TableStatus Status, string Message, SnapshotId Snapshot, QueryResult? Result)
{
    public bool IsOk => Status == TableStatus.Ok;
}

/// <summary>What a query found.</summary>
public abstract record QueryResult;

/// <summary>A row that was read.</summary>
/// <param name="Values">Of the columns that the answer names, in that order.</param>
/// <param name="Version">Which command wrote it.</param>
/// <param name="ExpiresAt">When it expires, in microseconds since 1970-01-01 00:00 UTC; null: never.</param>
public sealed record FoundRow(IReadOnlyList<CellValue> Values, RowVersion Version, long? ExpiresAt);

/// <summary>Rows, of <see cref="GetRows"/> and <see cref="ScanRows"/>.</summary>
/// <param name="TableId">The table.</param>
/// <param name="Generation">Of its schema.</param>
/// <param name="Columns">Names of the columns that the rows have.</param>
/// <param name="Rows">In order. Null, for a key that was asked for: there is no such row.</param>
/// <param name="Token">Asks for the next page; empty: this is the last one.</param>
/// <param name="Range">Of a scan: what this page covers, for the read set of an optimistic transaction.</param>
public sealed record RowsResult(uint TableId, uint Generation, IReadOnlyList<string> Columns, IReadOnlyList<FoundRow?> Rows, byte[] Token, KeyRange? Range) : QueryResult
{
    /// <summary>One of the rows, by name. Not for a key without a row.</summary>
    public Row this[int index] => Row.Of(Columns, Rows[index]!.Values);
}

/// <summary>A table as it is.</summary>
/// <param name="Schema">Columns, indexes, settings.</param>
/// <param name="Rows">How many, those included that expired and were not removed yet.</param>
/// <param name="Bytes">Of rows and keys, indexes not included.</param>
/// <param name="Changes">How many are kept.</param>
/// <param name="ChangeBytes">Bytes of them.</param>
/// <param name="ChangesAfter">Changes by later commands than this are kept.</param>
public sealed record TableDescription(TableSchema Schema, long Rows, long Bytes, long Changes, long ChangeBytes, RowVersion ChangesAfter);

/// <summary>Tables, of <see cref="DescribeTables"/>.</summary>
/// <param name="Tables">In the order of their ids.</param>
public sealed record TablesResult(IReadOnlyList<TableDescription> Tables) : QueryResult;

/// <summary>How a row changed. On disk and on the wire: values never change.</summary>
public enum ChangeKind : byte
{
    /// <summary>Written, whether it was there before or not.</summary>
    Put = 1,

    Delete = 2,

    /// <summary>Removed because its time had passed. It was invisible since then.</summary>
    Expire = 3,
}

/// <summary>One change of a row.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Version">Which command did it.</param>
/// <param name="Time">Log time then, in microseconds since 1970-01-01 00:00 UTC.</param>
/// <param name="Key">The primary key's values.</param>
/// <param name="Row">Of a put: the row since then, all columns; else null.</param>
public sealed record RowChange(ChangeKind Kind, RowVersion Version, long Time, IReadOnlyList<CellValue> Key, FoundRow? Row);

/// <summary>Changes, of <see cref="ReadChanges"/>.</summary>
/// <param name="TableId">The table.</param>
/// <param name="Generation">Of its schema, by which the rows are shown, also those written under an earlier one.</param>
/// <param name="Columns">Names of the rows' columns.</param>
/// <param name="Changes">In the order of the log.</param>
/// <param name="Through">All changes up to this command were looked at: ask for those after it next.</param>
/// <param name="More">There are later ones already.</param>
public sealed record ChangesResult(uint TableId, uint Generation, IReadOnlyList<string> Columns, IReadOnlyList<RowChange> Changes, RowVersion Through, bool More) : QueryResult;
