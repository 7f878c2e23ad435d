using System.Runtime.CompilerServices;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Which columns of a row are wanted, and rows cut to them.</summary>
internal sealed class Projection
{
    private static readonly ConditionalWeakTable<TableLayout, Projection> s_whole = new();

    private readonly int[] _ordinals;

    private Projection(int[] ordinals, string[] names)
    {
        _ordinals = ordinals;
        Names = names;
    }

    public string[] Names { get; }

    /// <param name="layout">The table.</param>
    /// <param name="columns">Names of columns; null: all.</param>
    /// <param name="projection">In the order of the names.</param>
    public static TableReply? Bind(TableLayout layout, IReadOnlyList<string>? columns, out Projection projection)
    {
        if (columns is null)
        {
            projection = s_whole.GetValue(layout, static l => new Projection([.. Enumerable.Range(0, l.Schema.Columns.Count)], [.. l.Schema.Columns.Select(c => c.Name)]));
            return null;
        }

        string[] names = [.. columns];
        projection = new Projection([.. names.Select(layout.OrdinalOf)], names);
        if (names.Length > TableLimits.Columns) return Refusals.Invalid($"{names.Length} columns are asked for, at most {TableLimits.Columns} are possible");
        foreach (var name in names)
        {
            if (layout.OrdinalOf(name) < 0) return Refusals.UnknownColumn(layout.Schema, name);
        }

        return null;
    }

    /// <param name="row">A whole row.</param>
    /// <param name="size">Bytes of the values that are left, for limits of answers.</param>
    public FoundRow Cut(StoredRow row, out int size)
    {
        var values = new CellValue[_ordinals.Length];
        size = 32;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = row.Values[_ordinals[i]];
            size += values[i].Size;
        }

        return new FoundRow(values, row.Version, row.ExpiresAt == StoredRow.Never ? null : row.ExpiresAt);
    }
}
