using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Random commands on one small table, so that they meet: few keys, few values, a unique index, rows that expire, an index that comes and goes.</summary>
internal sealed class TableWorkload(FuzzRandom random)
{
    public const string Table = "t";

    public static CreateTable Create { get; } = new(
        Table,
        [new("a", ColumnType.String), new("b", ColumnType.Double), new("c", ColumnType.Int64, true), new("d", ColumnType.Bytes, true, new byte[] { 1 }), new("e", ColumnType.Bool, false, false)],
        ["a", "b"],
        [new("c", ["c"]), new("unique", ["d", "c"], Unique: true)],
        TableSettings.Default);

    /// <summary>A command; most change rows.</summary>
    public TableCommand Next(TableSchema schema) => random.Next(20) switch
    {
        0 => new Sweep(random.Between(1, 5)),
        1 => new CreateIndex(Table, new("x", random.OneIn(2) ? ["e", "c"] : ["d"])),
        2 => new DropIndex(Table, "x"),
        3 or 4 => new BackfillIndex(schema.Id, schema.FindIndex("x")?.Id ?? 999, random.Between(1, 4)),
        _ => new Transact([.. Enumerable.Range(0, random.OneIn(3) ? random.Between(2, 5) : 1).Select(_ => Op())]),
    };

    public TableOp Op() => random.Next(8) switch
    {
        0 => TableOp.Insert(Table, Row(), Expires()),
        1 or 2 => TableOp.Update(Table, Key(), Some(), Conditions()) with { Expiry = Expires() },
        3 => TableOp.Delete(Table, Key(), Conditions()),
        4 => TableOp.Check(Table, Key(), Conditions()),
        _ => TableOp.Put(Table, Row(), Expires(), Conditions()),
    };

    public CellValue[] Key() => [A(), B()];

    public KeyBounds Bounds(string? index)
    {
        CellValue[] Values(int least)
        {
            CellValue[] all = index switch
            {
                "c" => [C(), A(), B()],
                "unique" => [D(), C(), A(), B()],
                _ => [A(), B()],
            };
            return all[..random.Between(least, all.Length)];
        }

        KeyBound? Bound() => random.OneIn(2) ? new KeyBound(Values(1), random.OneIn(2)) : null;
        return new KeyBounds(Bound(), Bound(), random.OneIn(4) ? new KeyPrefix(Values(0)) : index is null && random.OneIn(4) ? new KeyPrefix([], random.Pick(["", "k", "l"])) : null);
    }

    public ColumnPredicate Filter() => random.Next(3) switch
    {
        0 => new ColumnPredicate("c", (PredicateOp)random.Between(1, 6), random.Between(0, 3)),
        1 => new ColumnPredicate("c", random.OneIn(2) ? PredicateOp.IsNull : PredicateOp.IsNotNull),
        _ => new ColumnPredicate("e", PredicateOp.Equal, random.OneIn(2)),
    };

    private Row Row()
    {
        var row = Some();
        return random.OneIn(40) ? row : row.With("a", A()).With("b", B());
    }

    private Row Some()
    {
        var row = Protocol.Tables.Row.Empty;
        if (random.OneIn(2)) row = row.With("c", C());
        if (random.OneIn(2)) row = row.With("d", D());
        if (random.OneIn(3)) row = row.With("e", random.OneIn(20) ? 1 : random.OneIn(2));
        return row;
    }

    private CellValue A() => random.Pick(["k", "k\0", "l"]);

    private CellValue B() => random.Pick([0.0, -0.0, 1.5, double.NaN]);

    private CellValue C() => random.OneIn(4) ? CellValue.Null : random.Between(0, 3);

    private CellValue D() => random.OneIn(5) ? CellValue.Null : new byte[random.Between(0, 2)];

    private Expiry Expires() => random.Next(6) switch
    {
        0 => Expiry.After(TimeSpan.FromSeconds(random.Between(1, 20))),
        1 => Expiry.At(TableBed.Start.AddSeconds(random.Between(0, 100))),
        2 => Expiry.Never,
        _ => Expiry.Default,
    };

    private Condition[] Conditions() => random.Next(5) switch
    {
        0 => [Condition.Exists],
        1 => [Condition.Absent],
        2 => [new Condition(ConditionKind.Column, RowVersion.None, Filter())],
        3 when random.OneIn(3) => [Condition.VersionIs(new RowVersion(random.Between(10, 60), 0))],
        _ => [],
    };
}
