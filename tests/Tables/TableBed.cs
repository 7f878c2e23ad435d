using Delos.LocalStorage;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;

namespace Delos.Tests.Tables;

/// <summary>One replica of the tables, with a log of its own: every command is an entry, unless a batch is applied. All goes through the bytes.</summary>
internal sealed class TableBed : ITableEndpoint, IDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SchemaCache _cache = new();
    private readonly TableStateMachine _machine;
    private readonly TableQueries _queries;
    private readonly ILocalStore _store;

    /// <param name="store">Empty; null: one in memory.</param>
    public TableBed(ILocalStore? store = null)
    {
        _store = store ?? new MemoryStoreFactory().Open();
        _machine = new TableStateMachine(_cache, changed => Changed = (changed.All, [.. changed.Names]));
        _queries = new TableQueries(_cache);
        Maintenance = new TableMaintenance(_cache);
    }

    /// <summary>Position of the next entry.</summary>
    public long Position { get; set; } = 10;

    /// <summary>Log time of the next command.</summary>
    public DateTimeOffset Time { get; set; } = Start;

    /// <summary>What the latest entry may have changed, as those who watch are told.</summary>
    public (bool All, IReadOnlyList<string> Names) Changed { get; private set; } = (false, []);

    public TableMaintenance Maintenance { get; }

    public ILocalStore Store => _store;

    public TableQueries Queries => _queries;

    public TableReply Apply(TableCommand command) => ApplyBytes(TableCommandCodec.Encode(command))[0];

    /// <summary>Several commands as one entry.</summary>
    public TableReply[] ApplyEntry(params TableCommand[] commands) => ApplyBytes([.. commands.Select(TableCommandCodec.Encode)]);

    public TableReply[] ApplyBytes(params byte[][] commands)
    {
        using var transaction = _store.Begin();
        var replies = new TableReply[commands.Length];
        for (var i = 0; i < commands.Length; i++) replies[i] = Apply(transaction, Position, i, commands[i]);
        Complete(transaction);
        transaction.Commit();
        Position++;
        _machine.OnCommitted(Position);
        return replies;
    }

    public TableReply Apply(IStoreTransaction transaction, long position, int index, byte[] command) =>
        TableReply.Decode(_machine.Apply(transaction, new CommandContext(position, index, Time, FeatureGates.None), command).Span) ?? throw new InvalidOperationException("The answer cannot be read.");

    /// <summary>An entry's commands have all been applied to that transaction.</summary>
    public void Complete(IStoreTransaction transaction) => _machine.Complete(transaction);

    /// <summary>Applies what must succeed.</summary>
    public TableReply Do(TableCommand command)
    {
        var reply = Apply(command);
        Assert.That((reply.Status, reply.Message), Is.EqualTo((TableStatus.Ok, "")));
        return reply;
    }

    public TableReply Do(params TableOp[] ops) => Do(new Transact(ops));

    /// <summary>Applies what must be refused, and checks that the message says why and that the store is as it was but for the clock.</summary>
    public TableReply Refused(TableStatus status, TableCommand command, string words = "")
    {
        var before = Contents(withClock: false);
        var reply = Apply(command);
        Assert.That(reply.Status, Is.EqualTo(status), reply.Message);
        Assert.That(reply.Message, Is.Not.Empty.And.Contains(words));
        Assert.That(Contents(withClock: false), Is.EqualTo(before), "a refused command changed something");
        return reply;
    }

    public TableReply Refused(TableStatus status, params TableOp[] ops) => Refused(status, new Transact(ops));

    public QueryReply Query(TableQuery query)
    {
        using var snapshot = _store.Snapshot();
        return Query(snapshot, query);
    }

    public QueryReply Query(IStoreReader snapshot, TableQuery query) => QueryReplyCodec.Decode(_queries.Execute(snapshot, TableQueryCodec.Encode(query)))!;

    public RowsResult Rows(TableQuery query)
    {
        var reply = Query(query);
        Assert.That((reply.Status, reply.Message), Is.EqualTo((TableStatus.Ok, "")));
        return (RowsResult)reply.Result!;
    }

    /// <summary>The row with that key; null: there is none.</summary>
    public Row? Get(string table, params CellValue[] key)
    {
        var rows = Rows(new GetRows(table, [key]));
        return rows.Rows[0] is null ? null : rows[0];
    }

    public RowVersion VersionOf(string table, params CellValue[] key) => Rows(new GetRows(table, [key])).Rows[0]?.Version ?? RowVersion.None;

    /// <summary>One column of all rows that a scan brings, as text.</summary>
    public string Scan(ScanRows scan, string column = "id")
    {
        var rows = Rows(scan);
        return string.Join(' ', Enumerable.Range(0, rows.Rows.Count).Select(i => rows[i][column].ToString()));
    }

    public ChangesResult Changes(ReadChanges query)
    {
        var reply = Query(query);
        Assert.That((reply.Status, reply.Message), Is.EqualTo((TableStatus.Ok, "")));
        return (ChangesResult)reply.Result!;
    }

    public TableDescription Describe(string table) => ((TablesResult)Query(new DescribeTables(table)).Result!).Tables[0];

    /// <summary>Proposes what maintenance asks for until it asks for nothing.</summary>
    public void Settle(int steps = 1000)
    {
        for (var round = 0; round < 1000; round++)
        {
            IReadOnlyList<TableCommand> due;
            using (var snapshot = _store.Snapshot()) due = Maintenance.Due(snapshot, CellValue.MicrosOf(Time), steps);
            if (due.Count == 0) return;
            foreach (var command in due) Apply(command);
        }

        Assert.Fail("Maintenance does not come to an end.");
    }

    /// <summary>All that is in the store, as text.</summary>
    public string Contents(bool withClock = true)
    {
        using var snapshot = _store.Snapshot();
        var lines = new List<string>();
        foreach (var space in Enum.GetValues<StoreSpace>())
        {
            using var cursor = snapshot.Scan(space, [], []);
            while (cursor.MoveNext())
            {
                if (withClock || space != StoreSpace.Meta || !cursor.Key.SequenceEqual(StoreKeys.Clock)) lines.Add($"{space} {Convert.ToHexString(cursor.Key)} {Convert.ToHexString(cursor.Value)}");
            }
        }

        return string.Join('\n', lines);
    }

    public ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(Query(query));

    public ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken) => ValueTask.FromResult(Apply(command));

    public void Dispose() => _store.Dispose();
}
