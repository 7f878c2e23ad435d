namespace Delos.Protocol.Tables;

/// <summary>Something that goes through the log and changes tables. Its bytes: <see cref="TableCommandCodec"/>.</summary>
public abstract record TableCommand;

/// <summary>Creates a table, with indexes that are ready at once, since there are no rows.</summary>
/// <param name="Name">Of the table.</param>
/// <param name="Columns">In the order in which they get their ids.</param>
/// <param name="PrimaryKey">Names of the key's columns, in the order in which they make up the key.</param>
/// <param name="Indexes">Secondary indexes.</param>
/// <param name="Settings">Quotas, time to live, retention.</param>
public sealed record CreateTable(string Name, IReadOnlyList<ColumnDefinition> Columns, IReadOnlyList<string> PrimaryKey, IReadOnlyList<IndexDefinition> Indexes, TableSettings Settings) : TableCommand
{
    public CreateTable(string name, IReadOnlyList<ColumnDefinition> columns, params IReadOnlyList<string> primaryKey)
        : this(name, columns, primaryKey, [], TableSettings.Default)
    {
    }
}

/// <summary>Drops a table: it is gone at once; its rows are removed by later <see cref="Sweep"/> commands.</summary>
public sealed record DropTable(string Name) : TableCommand;

/// <summary>Changes a table, at once and without touching its rows.</summary>
/// <param name="Name">Of the table.</param>
/// <param name="Add">Columns, each nullable or with a default, which the rows that are there then have.</param>
/// <param name="Drop">Names of columns; none of the primary key or of an index.</param>
/// <param name="Settings">New settings; null: as they are.</param>
public sealed record AlterTable(string Name, IReadOnlyList<ColumnDefinition> Add, IReadOnlyList<string> Drop, TableSettings? Settings) : TableCommand;

/// <summary>Creates an index, which is ready at once if the table has no rows, and is built by <see cref="BackfillIndex"/> commands if it has.</summary>
public sealed record CreateIndex(string Table, IndexDefinition Index) : TableCommand;

/// <summary>Drops an index: it is gone at once; its entries are removed by later <see cref="Sweep"/> commands.</summary>
public sealed record DropIndex(string Table, string Index) : TableCommand;

/// <summary>Operations of which all happen or none. Those on one row see what earlier ones did.</summary>
/// <param name="Ops">In order.</param>
/// <param name="Reads">Of an optimistic transaction: what must not have changed; null: nothing.</param>
public sealed record Transact(IReadOnlyList<TableOp> Ops, ReadSet? Reads = null) : TableCommand
{
    public Transact(params ReadOnlySpan<TableOp> ops)
        : this(ops.ToArray(), null)
    {
    }
}

/// <summary>Puts the next rows into an index that is being built. Any replica may propose it, also several at once.</summary>
/// <param name="TableId">The table.</param>
/// <param name="IndexId">The index.</param>
/// <param name="MaxRows">How many rows, at most <see cref="TableLimits.StepRows"/>.</param>
public sealed record BackfillIndex(uint TableId, uint IndexId, int MaxRows) : TableCommand;

/// <summary>Removes what nobody sees any more: what dropped tables and indexes left behind, expired rows, changes beyond their retention. Any replica may propose it.</summary>
/// <param name="MaxSteps">How many keys or rows, at most <see cref="TableLimits.StepRows"/>.</param>
public sealed record Sweep(int MaxSteps) : TableCommand;
