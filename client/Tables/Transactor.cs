using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Applies a transaction: all of its operations or none.</summary>
internal static class Transactor
{
    public static TableReply Apply(CommandScope scope, Transact transaction)
    {
        if (transaction.Ops.Count > TableLimits.Ops) return Refusals.TooLarge($"the transaction has {transaction.Ops.Count} operations, at most {TableLimits.Ops} are possible; split it");
        if (transaction.Reads is not null) scope.WriteKept();
        if (transaction.Reads is { } reads && ReadValidator.Validate(scope, reads) is { } conflict) return conflict;
        var savepoint = scope.Store.Savepoint();
        var results = new OpResult[transaction.Ops.Count];
        TableReply? refusal = null;
        for (var i = 0; i < results.Length && refusal is null; i++)
        {
            refusal = Apply(scope, transaction.Ops[i], out results[i]);
            if (refusal is null && scope.ChangedBytes > TableLimits.TransactionBytes) refusal = Refusals.TooLarge($"the rows that the transaction writes have more than {TableLimits.TransactionBytes} bytes, also those of which it names few columns; split it");
            if (refusal is not null) refusal = refusal with { FailedOp = i };
        }

        refusal ??= scope.CheckQuotas();
        if (refusal is null) return TableReply.Ok with { Results = results };
        scope.Store.RollBackTo(savepoint);
        scope.Forget();
        return refusal;
    }

    private static TableReply? Apply(CommandScope scope, TableOp op, out OpResult result)
    {
        result = new OpResult(RowVersion.None, RowVersion.None);
        if (scope.WriterOf(op.Table) is not { } table) return Catalog.Unknown(op.Table);
        if (op.Conditions.Count > TableLimits.Predicates) return Refusals.TooLarge($"the operation has {op.Conditions.Count} conditions, at most {TableLimits.Predicates} are possible");
        CellValue[] values = [];
        byte[] primaryKey;
        var writesRow = op.Kind is OpKind.Put or OpKind.Insert;
        if (CheckShape(op, writesRow) is { } shapeless) return shapeless;
        if ((writesRow ? RowBinder.BindRow(table.Layout, op.Row, out values, out primaryKey) : RowBinder.BindKey(table.Layout, op.Key, out primaryKey)) is { } misfit) return misfit;
        var stored = table.Load(primaryKey);
        var visible = stored?.IsVisibleAt(scope.Time) == true ? stored : null;
        var former = visible?.Version ?? RowVersion.None;
        result = new OpResult(former, former);
        if (CheckExistence(op.Kind, table.Schema, visible) is { } wrong) return wrong with { Current = former };
        foreach (var condition in op.Conditions)
        {
            if (CheckCondition(table.Layout, condition, visible) is { } failed) return failed with { Current = former };
        }

        if (op.Kind == OpKind.Check) return null;
        if (op.Kind == OpKind.Delete)
        {
            if (stored is not null) table.Remove(primaryKey, stored, visible is null ? ChangeKind.Expire : ChangeKind.Delete);
            result = new OpResult(RowVersion.None, former);
            return null;
        }

        if (op.Kind == OpKind.Update && RowBinder.BindUpdate(table.Layout, op.Row, visible!.Values, out values) is { } unfit) return unfit;
        if (ExpiryOf(scope, table.Schema, op, visible, out var expiresAt) is { } never) return never;
        if (table.Put(primaryKey, stored, values, expiresAt) is { } refused) return refused with { Current = former };
        result = new OpResult(scope.Version, former);
        return null;
    }

    private static TableReply? CheckShape(TableOp op, bool writesRow)
    {
        if (writesRow && op.Key.Count > 0) return Refusals.Invalid($"an operation of kind {op.Kind} takes its key from its row; leave the key out");
        if (!writesRow && op.Kind != OpKind.Update && op.Row.Count > 0) return Refusals.Invalid($"an operation of kind {op.Kind} takes no row; leave it out");
        return op.Kind is OpKind.Delete or OpKind.Check && op.Expiry.Kind != ExpiryKind.Default ? Refusals.Invalid($"an operation of kind {op.Kind} takes no expiry; leave it out") : null;
    }

    private static TableReply? CheckExistence(OpKind kind, TableSchema schema, StoredRow? row)
    {
        if (kind == OpKind.Insert && row is not null) return TableReply.Refused(TableStatus.RowExists, $"table '{schema.Name}' has a row with that key already; put or update it instead");
        return kind == OpKind.Update && row is null ? TableReply.Refused(TableStatus.NoSuchRow, $"table '{schema.Name}' has no row with that key; put or insert it instead") : null;
    }

    private static TableReply? CheckCondition(TableLayout layout, Condition condition, StoredRow? row)
    {
        switch (condition.Kind)
        {
            case ConditionKind.Exists:
                return row is null ? Failed("there is no row") : null;
            case ConditionKind.Absent:
                return row is null ? null : Failed($"there is a row, of version {row.Version}");
            case ConditionKind.Version:
                if (row is null) return Failed($"there is no row, expected was version {condition.Version}");
                return row.Version == condition.Version ? null : Failed($"the row has version {row.Version}, expected was {condition.Version}");
            default:
                var predicate = condition.Predicate!;
                if (RowBinder.BindPredicate(layout, predicate, out var ordinal) is { } refusal) return refusal;
                if (row is null) return Failed($"there is no row whose column '{predicate.Column}' could be compared");
                return predicate.Holds(row.Values[ordinal]) ? null : Failed($"column '{predicate.Column}' does not fulfil {predicate.Op}");
        }
    }

    private static TableReply Failed(string why) => TableReply.Refused(TableStatus.PreconditionFailed, $"{why}; read the row again and decide anew");

    private static TableReply? ExpiryOf(CommandScope scope, TableSchema schema, TableOp op, StoredRow? former, out long expiresAt)
    {
        expiresAt = StoredRow.Never;
        switch (op.Expiry.Kind)
        {
            case ExpiryKind.At:
                expiresAt = op.Expiry.Micros;
                return null;
            case ExpiryKind.After:
                if (op.Expiry.Micros is <= 0 or > TableLimits.TtlMicros) return Refusals.Invalid($"a time to live has 1 to {TableLimits.TtlMicros} microseconds");
                expiresAt = scope.Time + op.Expiry.Micros;
                return null;
            case ExpiryKind.Default when op.Kind == OpKind.Update:
                expiresAt = former!.ExpiresAt;
                return null;
            case ExpiryKind.Default when schema.Settings.TtlMicros > 0:
                expiresAt = scope.Time + schema.Settings.TtlMicros;
                return null;
            default:
                return null;
        }
    }
}
