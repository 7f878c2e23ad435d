using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>What a watch shows; immutable.</summary>
public sealed record WatchOptions
{
    public static WatchOptions FromNow { get; } = new();

    /// <summary>
    /// Changes by later commands than this are shown: the version of the last change that was seen, or of a scan's snapshot, or <see cref="RowVersion.None"/> for all that are kept of the table that has the name now. Null: what comes after the first
    /// answer of the enumeration.
    /// </summary>
    public RowVersion? After { get; init; }

    /// <summary>Of which primary keys.</summary>
    public KeyBounds Bounds { get; init; } = KeyBounds.All;
}

/// <summary>One change of a row.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Version">Which command did it.</param>
/// <param name="Time">Log time then.</param>
/// <param name="Key">The primary key's values.</param>
/// <param name="Row">Of a put: the row since then, all columns; else null.</param>
/// <param name="IsLast">Of the command's changes that the watch shows it is the last: another watch can go on after <paramref name="Version"/> and misses nothing.</param>
public sealed record TableChange(ChangeKind Kind, RowVersion Version, DateTimeOffset Time, IReadOnlyList<CellValue> Key, VersionedRow? Row, bool IsLast)
{
    internal static TableChange Of(IReadOnlyList<string> columns, RowChange change, bool isLast) =>
        new(change.Kind, change.Version, Micros.ToTime(change.Time), change.Key, change.Row is { } row ? VersionedRow.Of(columns, row) : null, isLast);
}
