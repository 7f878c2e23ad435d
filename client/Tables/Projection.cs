using System.Runtime.CompilerServices;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Which columns of a row are wanted, and rows cut to them.</summary>
internal sealed class Projection
{
    private static readonly ConditionalWeakTable<TableLayout, Projection> s_whole = new();

    private readonly int[]? _ordinals;

    /// <param name="ordinals">Null: all, as they are.</param>
    /// <param name="names">Of the columns.</param>
    private Projection(int[]? ordinals, string[] names)
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
            projection = s_whole.GetValue(layout, static l => new Projection(null, [.. l.Schema.Columns.Select(c => c.Name)]));
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
        var values = _ordinals is null ? row.Values : Pick(row.Values, _ordinals);
        size = 32;
        foreach (ref readonly var value in values.AsSpan()) size += value.Size;
        return new FoundRow(values, row.Version, row.ExpiresAt == StoredRow.Never ? null : row.ExpiresAt);
    }

    private static CellValue[] Pick(CellValue[] values, int[] ordinals)
    {
        var picked = new CellValue[ordinals.Length];
        for (var i = 0; i < picked.Length; i++) picked[i] = values[ordinals[i]];
        return picked;
    }
}
