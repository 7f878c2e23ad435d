using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Random commands, queries and answers: well-formed, not necessarily sensible.</summary>
internal static class TableMessages
{
    public static TableCommand Command(FuzzRandom random) => random.Next(10) switch
    {
        0 => new CreateTable(Text(random), Many(random, Column), Many(random, Text), Many(random, Index), Settings(random)),
        1 => new DropTable(Text(random)),
        2 => new AlterTable(Text(random), Many(random, Column), Many(random, Text), random.OneIn(2) ? Settings(random) : null),
        3 => new CreateIndex(Text(random), Index(random)),
        4 => new DropIndex(Text(random), Text(random)),
        5 => new BackfillIndex((uint)random.Number(), (uint)random.Number(), (int)random.Number()),
        6 => new Sweep((int)random.Number()),
        _ => new Transact(Many(random, Op), random.OneIn(2) ? Reads(random) : null),
    };

    public static TableQuery Query(FuzzRandom random)
    {
        SnapshotId? snapshot = random.OneIn(2) ? Snapshot(random) : null;
        return random.Next(4) switch
        {
            0 => new GetRows(Text(random), Many(random, Values), random.OneIn(2) ? Many(random, Text) : null, snapshot),
            1 => Scan(random) with { Snapshot = snapshot },
            2 => new DescribeTables(random.OneIn(2) ? Text(random) : null, snapshot),
            _ => new ReadChanges(Text(random), (uint)random.Number(), Version(random), Bounds(random), (int)random.Number(), snapshot),
        };
    }

    public static ScanRows Scan(FuzzRandom random) => new(
        Text(random), random.OneIn(2) ? Text(random) : null, Bounds(random), random.OneIn(2), (int)random.Number(), (int)random.Number(), random.OneIn(2) ? Many(random, Text) : null, Many(random, Predicate), random.OneIn(2) ? random.Bytes(random.Next(20)) : null, null);

    public static TableReply Reply(FuzzRandom random) => new(
        (TableStatus)random.Number(), Text(random), (int)random.Number(), Version(random), Many(random, r => new OpResult(Version(r), Version(r))), random.OneIn(2) ? Schema(random) : null, (long)random.Number(), random.OneIn(2));

    public static QueryReply QueryReply(FuzzRandom random)
    {
        var columns = Many(random, Text);
        FoundRow Row(FuzzRandom r) => new([.. columns.Select(_ => Value(r))], Version(r), r.OneIn(2) ? (long)r.Number() : null);
        QueryResult? result = random.Next(4) switch
        {
            0 => new RowsResult((uint)random.Number(), (uint)random.Number(), columns, Many(random, r => r.OneIn(4) ? null : Row(r)), random.Bytes(random.Next(9)), random.OneIn(2) ? Range(random) : null),
            1 => new TablesResult(Many(random, r => new TableDescription(Schema(r), (long)r.Number(), (long)r.Number(), (long)r.Number(), (long)r.Number(), Version(r)))),
            2 => new ChangesResult((uint)random.Number(), (uint)random.Number(), columns, Many(random, r => new RowChange((ChangeKind)r.Between(1, 3), Version(r), (long)r.Number(), Values(r), r.OneIn(2) ? Row(r) : null)), Version(random), random.OneIn(2)),
            _ => null,
        };
        return new QueryReply((TableStatus)random.Number(), Text(random), Snapshot(random), result);
    }

    public static TableSchema Schema(FuzzRandom random)
    {
        var count = random.Between(1, 6);
        var columns = new Column[count];
        ushort id = 0;
        for (var i = 0; i < count; i++)
        {
            var column = Column(random);
            columns[i] = new Column(id += (ushort)random.Between(1, 3), column.Name, column.Type, column.Nullable, column.Default);
        }

        ushort[] Ids() => [.. Enumerable.Range(0, random.Between(1, 3)).Select(_ => random.Pick(columns).Id)];
        var indexId = (uint)random.Next(100);
        var indexes = Many(random, r => new IndexSchema(indexId += (uint)r.Between(1, 9), Text(r), Ids(), r.OneIn(2), (IndexState)r.Between(1, 3), Text(r)));
        return new TableSchema((uint)random.Number(), Text(random), (uint)random.Number(), columns, Ids(), indexes, Settings(random), (ushort)(id + 1), Version(random));
    }

    public static PageToken Token(FuzzRandom random) => new((uint)random.Number(), (uint)random.Number(), (uint)random.Number(), Snapshot(random), (uint)random.Number(), random.Bytes(random.Next(30)));

    private static TableOp Op(FuzzRandom random) => new((OpKind)random.Between(1, 5), Text(random), Values(random), Row.Create(Many(random, r => new Cell(Text(r), Value(r)))), Many(random, Condition), Expiry(random));

    private static Condition Condition(FuzzRandom random) => random.Next(4) switch
    {
        0 => Protocol.Tables.Condition.Exists,
        1 => Protocol.Tables.Condition.Absent,
        2 => Protocol.Tables.Condition.VersionIs(Version(random)),
        _ => new Condition(ConditionKind.Column, RowVersion.None, Predicate(random)),
    };

    private static Expiry Expiry(FuzzRandom random) => random.Next(4) switch
    {
        0 => Protocol.Tables.Expiry.Never,
        1 => new Expiry(ExpiryKind.At, (long)random.Number()),
        2 => new Expiry(ExpiryKind.After, (long)random.Number()),
        _ => default,
    };

    private static ReadSet Reads(FuzzRandom random) => new(Snapshot(random), Many(random, r => new TableReads((uint)r.Number(), (uint)r.Number(), Many(r, x => new ReadKey(Values(x), Version(x))), Many(r, Range))));

    private static KeyRange Range(FuzzRandom random) => new((uint)random.Number(), random.Bytes(random.Next(9)), random.Bytes(random.Next(9)));

    private static KeyBounds Bounds(FuzzRandom random)
    {
        KeyBound? Bound() => random.OneIn(2) ? new KeyBound(Values(random), random.OneIn(2)) : null;
        return new KeyBounds(Bound(), Bound(), random.OneIn(2) ? new KeyPrefix(Values(random), Value(random)) : null);
    }

    private static ColumnPredicate Predicate(FuzzRandom random) => new(Text(random), (PredicateOp)random.Between(1, 9), Value(random));

    private static ColumnDefinition Column(FuzzRandom random)
    {
        var type = (ColumnType)random.Between(1, 6);
        return new ColumnDefinition(Text(random), type, random.OneIn(2), random.OneIn(2) ? CellValue.Null : TableValues.Of(random, type));
    }

    private static IndexDefinition Index(FuzzRandom random) => new(Text(random), Many(random, Text), random.OneIn(2));

    private static TableSettings Settings(FuzzRandom random) => new((long)random.Number(), (long)random.Number(), (int)random.Number(), (long)random.Number(), (long)random.Number(), (long)random.Number());

    private static CellValue Value(FuzzRandom random) => TableValues.Of(random, (ColumnType)random.Between(0, 6));

    private static CellValue[] Values(FuzzRandom random) => Many(random, Value);

    private static SnapshotId Snapshot(FuzzRandom random) => new(Version(random), (long)random.Number());

    private static RowVersion Version(FuzzRandom random) => random.OneIn(5) ? RowVersion.None : new RowVersion((long)(random.Number() >> 1), (int)(random.Number() >> 33));

    private static string Text(FuzzRandom random) => random.Pick(["t", "orders", "id", "a", "b", "c", "ü", ""]);

    private static T[] Many<T>(FuzzRandom random, Func<FuzzRandom, T> make)
    {
        var items = new T[random.Next(random.OneIn(3) ? 6 : 3)];
        for (var i = 0; i < items.Length; i++) items[i] = make(random);
        return items;
    }
}
