using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>What the table of <see cref="TableWorkload"/> must do, the simplest way: a list of rows, every question answered by looking at all of them.</summary>
internal sealed class TableOracle
{
    private static readonly CellValue[] s_defaults = [CellValue.Null, CellValue.Null, CellValue.Null, new byte[] { 1 }, false];
    private static readonly ColumnType[] s_types = [ColumnType.String, ColumnType.Double, ColumnType.Int64, ColumnType.Bytes, ColumnType.Bool];

    private List<OracleRow> _rows = [];

    public List<string> Changes { get; } = [];

    public static string[] Columns { get; } = ["a", "b", "c", "d", "e"];

    /// <summary>Status, failed operation and results.</summary>
    public string Apply(Transact transaction, RowVersion version, long time)
    {
        var (before, changes) = (_rows.ToList(), Changes.Count);
        var results = new List<string>();
        for (var i = 0; i < transaction.Ops.Count; i++)
        {
            var (status, result) = Apply(transaction.Ops[i], version, time);
            if (status != TableStatus.Ok)
            {
                _rows = before;
                Changes.RemoveRange(changes, Changes.Count - changes);
                return $"{status} {i}";
            }

            results.Add(result);
        }

        return $"Ok {string.Join(' ', results)}";
    }

    /// <summary>The rows that there are at a time, in the order of the columns given and then of the key, as text.</summary>
    public string[] Scan(long time, int[] order, KeyBounds bounds, bool reverse, IEnumerable<ColumnPredicate> filters)
    {
        int[] columns = [.. order, 0, 1];
        var rows = _rows.Where(r => r.ExpiresAt > time && IsWithin(bounds, [.. columns.Select(c => r.Values[c])]) && filters.All(f => Holds(r, f)));
        var sorted = rows.Order(Comparer<OracleRow>.Create((x, y) => columns.Select(c => TableValues.Compare(x.Values[c], y.Values[c])).FirstOrDefault(c => c != 0)));
        return [.. (reverse ? sorted.Reverse() : sorted).Select(r => Show(r.Values, r.Version, r.ExpiresAt))];
    }

    public static string Show(IReadOnlyList<CellValue> values, RowVersion version, long? expiresAt) => $"{string.Join(',', values)} v{version} x{expiresAt ?? long.MaxValue}";

    private (TableStatus, string) Apply(TableOp op, RowVersion version, long time)
    {
        var writes = op.Kind is OpKind.Put or OpKind.Insert;
        var values = (CellValue[])s_defaults.Clone();
        if (writes)
        {
            if (!Fits(op.Row)) return (TableStatus.TypeMismatch, "");
            foreach (var cell in op.Row) values[Array.IndexOf(Columns, cell.Column)] = cell.Value;
            if (values[0].IsNull || values[1].IsNull) return (TableStatus.TypeMismatch, "");
        }

        CellValue[] key = writes ? values[..2] : [.. op.Key];
        var row = _rows.Find(r => r.ExpiresAt > time && r.Values[0] == key[0] && r.Values[1] == key[1]);
        if (op.Kind == OpKind.Insert && row is not null) return (TableStatus.RowExists, "");
        if (op.Kind == OpKind.Update && row is null) return (TableStatus.NoSuchRow, "");
        foreach (var condition in op.Conditions)
        {
            var holds = condition.Kind switch
            {
                ConditionKind.Exists => row is not null,
                ConditionKind.Absent => row is null,
                ConditionKind.Version => row is not null && row.Version == condition.Version,
                _ => row is not null && Holds(row, condition.Predicate!),
            };
            if (!holds) return (TableStatus.PreconditionFailed, "");
        }

        var former = row?.Version ?? RowVersion.None;
        if (op.Kind == OpKind.Check) return (TableStatus.Ok, $"{former}<{former}");
        if (op.Kind == OpKind.Delete)
        {
            if (row is not null) Changes.Add($"{version} Delete {string.Join(',', key)}");
            _rows.Remove(row!);
            return (TableStatus.Ok, $"{RowVersion.None}<{former}");
        }

        if (op.Kind == OpKind.Update)
        {
            if (!Fits(op.Row)) return (TableStatus.TypeMismatch, "");
            values = [.. row!.Values];
            foreach (var cell in op.Row) values[Array.IndexOf(Columns, cell.Column)] = cell.Value;
        }

        var expiresAt = op.Expiry.Kind switch
        {
            ExpiryKind.At => op.Expiry.Micros,
            ExpiryKind.After => time + op.Expiry.Micros,
            ExpiryKind.Default when op.Kind == OpKind.Update => row!.ExpiresAt,
            _ => long.MaxValue,
        };
        if (!values[2].IsNull && !values[3].IsNull && _rows.Exists(r => r.ExpiresAt > time && r != row && r.Values[2] == values[2] && r.Values[3] == values[3])) return (TableStatus.UniqueViolation, "");
        _rows.RemoveAll(r => r.Values[0] == key[0] && r.Values[1] == key[1]);
        _rows.Add(new OracleRow(values, version, expiresAt));
        Changes.Add($"{version} Put {string.Join(',', key)}");
        return (TableStatus.Ok, $"{version}<{former}");
    }

    private static bool Fits(Row row) => row.All(c => Array.IndexOf(Columns, c.Column) is var i && (c.Value.IsNull ? i is 2 or 3 : c.Value.Type == s_types[i]));

    private static bool Holds(OracleRow row, ColumnPredicate predicate)
    {
        var value = row.Values[Array.IndexOf(Columns, predicate.Column)];
        if (value.IsNull) return predicate.Op == PredicateOp.IsNull;
        var order = predicate.Constant.IsNull ? 0 : TableValues.Compare(value, predicate.Constant);
        return predicate.Op switch
        {
            PredicateOp.Equal => order == 0,
            PredicateOp.NotEqual => order != 0,
            PredicateOp.Less => order < 0,
            PredicateOp.LessOrEqual => order <= 0,
            PredicateOp.Greater => order > 0,
            PredicateOp.GreaterOrEqual => order >= 0,
            _ => predicate.Op == PredicateOp.IsNotNull,
        };
    }

    private static bool IsWithin(KeyBounds bounds, CellValue[] key)
    {
        if (bounds.Lower is { } lower && Compare(key, lower.Values) is var l && (l < 0 || (l == 0 && !lower.Inclusive))) return false;
        if (bounds.Upper is { } upper && Compare(key, upper.Values) is var u && (u > 0 || (u == 0 && !upper.Inclusive))) return false;
        if (bounds.Prefix is not { } prefix) return true;
        return Compare(key, prefix.Values) == 0 && (prefix.Start.IsNull || key[prefix.Values.Count].AsString().StartsWith(prefix.Start.AsString(), StringComparison.Ordinal));
    }

    /// <summary>As far as there are values.</summary>
    private static int Compare(CellValue[] key, IReadOnlyList<CellValue> values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (TableValues.Compare(key[i], values[i]) is var c and not 0) return c;
        }

        return 0;
    }

    private sealed record OracleRow(CellValue[] Values, RowVersion Version, long ExpiresAt);
}
