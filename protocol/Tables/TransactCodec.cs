using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The body of a <see cref="Transact"/> command. See docs/tables.md.</summary>
internal static class TransactCodec
{
    private const int OpMinSize = 1 + 2 + 2 + 2 + 2 + 1;

    public static void Write(ByteBuilder bytes, Transact command)
    {
        var names = new NameList();
        var ops = ByteBuilder.Rent();
        ops.U32((uint)command.Ops.Count);
        foreach (var op in command.Ops) Write(ops, op, names);
        names.Write(bytes);
        bytes.Raw(ops.Written);
        ops.Return();
        bytes.Bool(command.Reads is not null);
        if (command.Reads is { } reads) Write(bytes, reads);
    }

    public static Transact Read(ref MessageReader reader)
    {
        var names = new NameListReader(ref reader);
        var ops = new TableOp[reader.Count(OpMinSize)];
        for (var i = 0; i < ops.Length && !reader.Failed; i++) ops[i] = ReadOp(ref reader, ref names);
        if (!names.AllUsed) reader.Fail();
        return new Transact(ops, reader.Bool() ? ReadReads(ref reader) : null);
    }

    private static void Write(ByteBuilder bytes, TableOp op, NameList names)
    {
        bytes.U8((byte)op.Kind);
        bytes.U16(names.NumberOf(op.Table));
        CellCodec.WriteAll(bytes, op.Key);
        bytes.U16(checked((ushort)op.Row.Count));
        foreach (var cell in op.Row)
        {
            bytes.U16(names.NumberOf(cell.Column));
            CellCodec.Write(bytes, cell.Value);
        }

        bytes.U16(checked((ushort)op.Conditions.Count));
        foreach (var condition in op.Conditions) Write(bytes, condition, names);
        bytes.U8((byte)op.Expiry.Kind);
        if (op.Expiry.Kind is ExpiryKind.At or ExpiryKind.After) bytes.I64(op.Expiry.Micros);
    }

    private static TableOp ReadOp(ref MessageReader reader, ref NameListReader names)
    {
        var kind = (OpKind)reader.U8();
        if (kind is < OpKind.Put or > OpKind.Check) reader.Fail();
        var table = names.Read(ref reader);
        var key = CellCodec.ReadAll(ref reader);
        var count = reader.U16();
        if (count > reader.Remaining / 3) reader.Fail();
        var cells = reader.Failed || count == 0 ? [] : new Cell[count];
        for (var i = 0; i < cells.Length; i++) cells[i] = new Cell(names.Read(ref reader), CellCodec.Read(ref reader));
        var conditionCount = reader.U16();
        if (conditionCount > reader.Remaining) reader.Fail();
        var conditions = reader.Failed || conditionCount == 0 ? [] : new Condition[conditionCount];
        for (var i = 0; i < conditions.Length && !reader.Failed; i++) conditions[i] = ReadCondition(ref reader, ref names);
        var expiry = (ExpiryKind)reader.U8();
        if (expiry > ExpiryKind.Never) reader.Fail();
        var micros = expiry is ExpiryKind.At or ExpiryKind.After ? reader.I64() : 0;
        return new TableOp(kind, table, key, cells.Length == 0 ? Row.Empty : new Row(cells), conditions, new Expiry(expiry, micros));
    }

    private static void Write(ByteBuilder bytes, Condition condition, NameList names)
    {
        bytes.U8((byte)condition.Kind);
        if (condition.Kind == ConditionKind.Version) condition.Version.Write(bytes);
        if (condition.Predicate is not { } predicate) return;
        bytes.U16(names.NumberOf(predicate.Column));
        bytes.U8((byte)predicate.Op);
        CellCodec.Write(bytes, predicate.Constant);
    }

    private static Condition ReadCondition(ref MessageReader reader, ref NameListReader names)
    {
        switch ((ConditionKind)reader.U8())
        {
            case ConditionKind.Exists:
                return Condition.Exists;
            case ConditionKind.Absent:
                return Condition.Absent;
            case ConditionKind.Version:
                return Condition.VersionIs(RowVersion.Read(ref reader));
            case ConditionKind.Column:
                var column = names.Read(ref reader);
                var op = (PredicateOp)reader.U8();
                if (op is < PredicateOp.Equal or > PredicateOp.StartsWith) reader.Fail();
                return Condition.On(column, op, CellCodec.Read(ref reader));
            default:
                reader.Fail();
                return Condition.Exists;
        }
    }

    private static void Write(ByteBuilder bytes, ReadSet reads)
    {
        reads.Snapshot.Write(bytes);
        bytes.U32((uint)reads.Tables.Count);
        foreach (var table in reads.Tables)
        {
            bytes.U32(table.TableId);
            bytes.U32(table.Generation);
            bytes.U32((uint)table.Keys.Count);
            foreach (var (key, seen) in table.Keys)
            {
                CellCodec.WriteAll(bytes, key);
                seen.Write(bytes);
            }

            bytes.U32((uint)table.Ranges.Count);
            foreach (var range in table.Ranges) range.Write(bytes);
        }
    }

    private static ReadSet ReadReads(ref MessageReader reader)
    {
        var snapshot = SnapshotId.Read(ref reader);
        var tables = new TableReads[reader.Count(16)];
        for (var i = 0; i < tables.Length && !reader.Failed; i++)
        {
            var (id, generation) = (reader.U32(), reader.U32());
            var keys = new ReadKey[reader.Count(2 + RowVersion.Size)];
            for (var k = 0; k < keys.Length && !reader.Failed; k++) keys[k] = new ReadKey(CellCodec.ReadAll(ref reader), RowVersion.Read(ref reader));
            var ranges = new KeyRange[reader.Count(12)];
            for (var r = 0; r < ranges.Length && !reader.Failed; r++) ranges[r] = KeyRange.Read(ref reader);
            tables[i] = new TableReads(id, generation, keys, ranges);
        }

        return new ReadSet(snapshot, tables);
    }
}
