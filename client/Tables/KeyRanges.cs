using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>From bounds by values to a range of stored keys.</summary>
internal static class KeyRanges
{
    /// <param name="layout">The table.</param>
    /// <param name="index">Which of the schema's indexes; -1: the primary key.</param>
    /// <param name="bounds">Each bound may give values for the first columns only.</param>
    /// <param name="range">The stored keys. Bounds may contradict each other: then From and To are the same, and nothing is between them.</param>
    public static TableReply? Bind(TableLayout layout, int index, KeyBounds bounds, out KeyRange range)
    {
        var columns = layout.ScanColumns(index);
        var indexId = index < 0 ? 0 : layout.Schema.Indexes[index].Id;
        var prefix = StoreKeys.Prefix(index < 0 ? layout.Schema.Id : indexId);
        range = new KeyRange(indexId, prefix, KeyCodec.Successor(prefix));
        if (bounds.Prefix is { } start)
        {
            if (CheckPrefix(layout, columns, start) is { } refusal) return refusal;
            var key = Encode(prefix, start.Values);
            if (!start.Start.IsNull) KeyCodec.AppendStart(key, start.Start);
            range = range with { From = key.ToArray(), To = KeyCodec.Successor(key.Written) };
        }

        if (bounds.Lower is { } lower)
        {
            if (CheckBound(layout, columns, lower) is { } refusal) return refusal;
            var key = Encode(prefix, lower.Values);
            var from = lower.Inclusive ? key.ToArray() : KeyCodec.Successor(key.Written);
            if (from.AsSpan().SequenceCompareTo(range.From) > 0) range = range with { From = from };
        }

        if (bounds.Upper is { } upper)
        {
            if (CheckBound(layout, columns, upper) is { } refusal) return refusal;
            var key = Encode(prefix, upper.Values);
            var to = upper.Inclusive ? KeyCodec.Successor(key.Written) : key.ToArray();
            if (to.AsSpan().SequenceCompareTo(range.To) < 0) range = range with { To = to };
        }

        if (range.From.AsSpan().SequenceCompareTo(range.To) > 0) range = range with { To = range.From };
        return null;
    }

    private static TableReply? CheckBound(TableLayout layout, int[] columns, KeyBound bound)
    {
        if (bound.Values.Count == 0) return Refusals.Invalid("a bound without values bounds nothing; leave it out");
        return CheckValues(layout, columns, bound.Values);
    }

    private static TableReply? CheckPrefix(TableLayout layout, int[] columns, KeyPrefix prefix)
    {
        if (CheckValues(layout, columns, prefix.Values) is { } refusal) return refusal;
        if (prefix.Start.IsNull) return null;
        if (prefix.Values.Count == columns.Length) return Refusals.Invalid("a prefix that gives all columns of the key leaves none to begin in a certain way");
        var column = layout.Schema.Columns[columns[prefix.Values.Count]];
        if (prefix.Start.Type is not (ColumnType.String or ColumnType.Bytes)) return TableReply.Refused(TableStatus.TypeMismatch, $"only strings and bytes begin in a certain way; the value for column '{column.Name}' is of type {prefix.Start.Type}");
        return prefix.Start.Type == column.Type ? null : Refusals.WrongType(column, prefix.Start);
    }

    private static TableReply? CheckValues(TableLayout layout, int[] columns, IReadOnlyList<CellValue> values)
    {
        if (values.Count > columns.Length) return Refusals.Invalid($"a bound gives {values.Count} values, the key has {columns.Length} columns");
        return RowBinder.CheckTypes(layout, columns, values);
    }

    private static ByteBuilder Encode(byte[] prefix, IReadOnlyList<CellValue> values)
    {
        var key = new ByteBuilder();
        key.Raw(prefix);
        KeyCodec.AppendAll(key, values);
        return key;
    }
}
