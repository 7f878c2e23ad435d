using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Gets of one table, of the same columns and freshness, that are asked for together. Not thread-safe: filled under the lock of <see cref="GatheredGets"/>, then asked for once.</summary>
/// <param name="rounds">Their operation; it has the time of the first of them.</param>
/// <param name="table">Its name.</param>
/// <param name="columns">Names of the columns wanted; null: all.</param>
/// <param name="level">How fresh.</param>
internal sealed class Gathering(NodeRounds rounds, string table, string[]? columns, TableReadLevel level)
{
    public NodeRounds Rounds => rounds;

    public TableReadLevel Level => level;

    public List<GatheredGet> Gets { get; } = [];

    /// <summary>Whether such a get can be one of them.</summary>
    public bool Takes(string ofTable, string[]? ofColumns, TableReadLevel ofLevel) =>
        ofTable == table && ofLevel == level && (ofColumns is null ? columns is null : columns is not null && ofColumns.AsSpan().SequenceEqual(columns));

    /// <summary>What to ask for.</summary>
    public GetRows ToQuery() => new(table, Gets.ConvertAll<IReadOnlyList<CellValue>>(static g => g.Key), columns);

    /// <summary>What to ask for if it is about one of them.</summary>
    public GetRows ToQuery(GatheredGet get) => new(table, [get.Key], columns);
}
