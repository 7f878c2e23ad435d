using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Fits what a client sent to a table's columns: values by name become values by ordinal, keys their encoding. A refusal says what does not fit.</summary>
internal static class RowBinder
{
    /// <summary>A primary key, all of it.</summary>
    public static TableReply? BindKey(TableLayout layout, IReadOnlyList<CellValue> key, out byte[] encoded)
    {
        encoded = [];
        if (key.Count != layout.KeyColumns.Length)
            return Refusals.Invalid($"the primary key of table '{layout.Schema.Name}' has {layout.KeyColumns.Length} columns, the key given {key.Count}");
        if (CheckTypes(layout, layout.KeyColumns, key) is { } refusal) return refusal;
        var bytes = ByteBuilder.Scratch;
        KeyCodec.AppendAll(bytes, key);
        encoded = bytes.ToArray();
        return CheckKeySize(layout, encoded);
    }

    /// <summary>A whole row, with defaults for what it does not name.</summary>
    public static TableReply? BindRow(TableLayout layout, Row row, out CellValue[] values, out byte[] primaryKey)
    {
        var columns = layout.Schema.Columns;
        values = new CellValue[columns.Count];
        primaryKey = [];
        for (var i = 0; i < values.Length; i++) values[i] = columns[i].Default;
        if (Assign(layout, row, values) is { } refusal) return refusal;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i].IsNull && !columns[i].Nullable) return Refusals.WrongType(columns[i], values[i]);
        }

        primaryKey = layout.PrimaryKeyOf(values);
        return CheckKeySize(layout, primaryKey);
    }

    /// <summary>Some columns of a row, none of the primary key.</summary>
    public static TableReply? BindUpdate(TableLayout layout, Row row, CellValue[] former, out CellValue[] values)
    {
        values = [.. former];
        foreach (var cell in row)
        {
            if (layout.OrdinalOf(cell.Column) is var ordinal and >= 0 && layout.IsKey(ordinal))
                return Refusals.Invalid($"column '{cell.Column}' belongs to the primary key, which never changes; delete the row and put another");
        }

        return Assign(layout, row, values);
    }

    /// <summary>Whether a predicate fits a column, and which one.</summary>
    public static TableReply? BindPredicate(TableLayout layout, ColumnPredicate predicate, out int ordinal)
    {
        ordinal = layout.OrdinalOf(predicate.Column);
        if (ordinal < 0) return Refusals.UnknownColumn(layout.Schema, predicate.Column);
        var column = layout.Schema.Columns[ordinal];
        if (predicate.IsUnary) return predicate.Constant.IsNull ? null : Refusals.Invalid($"operator {predicate.Op} on column '{column.Name}' takes no constant");
        if (predicate.Constant.IsNull) return Refusals.Invalid($"operator {predicate.Op} on column '{column.Name}' needs a constant; to ask for null use {PredicateOp.IsNull}");
        if (predicate.Constant.Type != column.Type) return Refusals.WrongType(column, predicate.Constant);
        return predicate.Op == PredicateOp.StartsWith && column.Type is not (ColumnType.String or ColumnType.Bytes)
            ? TableReply.Refused(TableStatus.TypeMismatch, $"operator {predicate.Op} is for strings and bytes; column '{column.Name}' is of type {column.Type}")
            : null;
    }

    /// <summary>Values for columns given by their ordinals, as far as there are values.</summary>
    public static TableReply? CheckTypes(TableLayout layout, int[] ordinals, IReadOnlyList<CellValue> values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            var column = layout.Schema.Columns[ordinals[i]];
            if (values[i].IsNull ? !column.Nullable : values[i].Type != column.Type) return Refusals.WrongType(column, values[i]);
        }

        return null;
    }

    private static TableReply? Assign(TableLayout layout, Row row, CellValue[] values)
    {
        var assigned = new bool[values.Length];
        foreach (var cell in row)
        {
            var ordinal = layout.OrdinalOf(cell.Column);
            if (ordinal < 0) return Refusals.UnknownColumn(layout.Schema, cell.Column);
            var column = layout.Schema.Columns[ordinal];
            if (assigned[ordinal]) return Refusals.Invalid($"the row names column '{column.Name}' twice");
            if (cell.Value.IsNull ? !column.Nullable : cell.Value.Type != column.Type) return Refusals.WrongType(column, cell.Value);
            assigned[ordinal] = true;
            values[ordinal] = cell.Value;
        }

        return null;
    }

    private static TableReply? CheckKeySize(TableLayout layout, byte[] primaryKey) =>
        primaryKey.Length <= TableLimits.KeyBytes ? null : Refusals.TooLarge($"the primary key takes {primaryKey.Length} bytes, in table '{layout.Schema.Name}' as in any at most {TableLimits.KeyBytes}; shorten it");
}
