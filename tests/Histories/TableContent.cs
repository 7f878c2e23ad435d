using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>All that is, and ever was, in one of a <see cref="TableHistory"/>'s tables, as a replica tells it in the end. Columns are, in this order: key, amount, mark.</summary>
/// <param name="Name">Of the table.</param>
/// <param name="Changes">All of them, in order.</param>
/// <param name="Rows">As they are now.</param>
public sealed record TableContent(string Name, IReadOnlyList<ChangeRecord> Changes, IReadOnlyList<RowRecord> Rows)
{
    /// <summary>Changes of one answer.</summary>
    public static IEnumerable<ChangeRecord> Of(ChangesResult changes) =>
        changes.Changes.Select(c => c.Row is { } row ? new ChangeRecord(c.Version, c.Kind, c.Key[0].AsInt64(), row.Values[1].AsInt64(), row.Values[2].AsInt64()) : new ChangeRecord(c.Version, c.Kind, c.Key[0].AsInt64(), 0, 0));

    /// <summary>Rows of one answer.</summary>
    public static IEnumerable<RowRecord> Of(RowsResult rows) =>
        rows.Rows.OfType<FoundRow>().Select(r => new RowRecord(r.Version, r.Values[0].AsInt64(), r.Values[1].AsInt64(), r.Values[2].AsInt64()));
}
