using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tests.Histories;

namespace Delos.Tests.Simulation;

/// <summary>One application: writes and reads registers, moves money in optimistic transactions, and watches; each time through any replica. What it was told goes into the <see cref="SimTableHistory"/>.</summary>
internal sealed class SimTableApp(SimWorld world, SimRuntime[] replicas, SimTableHistory history, int number)
{
    public const string Marks = "marks";
    public const string Registers = "registers";
    public const string Accounts = "accounts";
    public const int RegisterCount = 3;
    public const int AccountCount = 4;
    public const long Balance = 100;
    private const long Patience = 60_000;
    private readonly Dictionary<int, long> _seen = [];
    private Session? _session;
    private RowVersion _through = RowVersion.None;
    private long _last;

    public bool IsStopping { get; set; }

    public bool HasStopped { get; private set; }

    public void Begin() => world.Spawn(RunAsync);

    private async Task RunAsync()
    {
        if (number == 0) await SetUpAsync();
        while (!history.IsSetUp) await world.Delay(5_000);
        while (!IsStopping)
        {
            await world.Delay(world.Random.Next(8_000));
            switch (world.Random.Next(10))
            {
                case < 3: await WriteAsync(); break;
                case < 6: await ReadAsync(); break;
                case < 9: await TransferAsync(); break;
                default: await WatchAsync(); break;
            }
        }

        HasStopped = true;
    }

    private async Task SetUpAsync()
    {
        TableCommand[] commands =
        [
            new CreateTable(Marks, [new("id", ColumnType.Int64), new("v", ColumnType.Int64)], "id"),
            new CreateTable(Registers, [new("id", ColumnType.Int64), new("n", ColumnType.Int64), new("v", ColumnType.Int64)], "id"),
            new CreateTable(Accounts, [new("id", ColumnType.Int64), new("balance", ColumnType.Int64), new("last", ColumnType.Int64)], "id"),
            new Transact([.. Enumerable.Range(0, RegisterCount).Select(i => TableOp.Insert(Registers, Row.Of(("id", i), ("n", 0), ("v", 0))))]),
            new Transact([.. Enumerable.Range(0, AccountCount).Select(i => TableOp.Insert(Accounts, Row.Of(("id", i), ("balance", Balance), ("last", 0))))]),
        ];
        foreach (var command in commands)
        {
            while (await ProposeAsync(Any(), new Proposal(ProposalKind.Command, 0, 0, 0, TableCommandCodec.Encode(command))) is null) await world.Delay(20_000);
        }

        history.IsSetUp = true;
    }

    /// <summary>A conditional write, upon what it saw last.</summary>
    private async Task WriteAsync()
    {
        var register = world.Random.Next(RegisterCount);
        var expected = _seen.GetValueOrDefault(register);
        var value = NextId();
        var op = TableOp.Update(Registers, [register], Row.Of(("n", expected + 1), ("v", value)), Condition.On("n", PredicateOp.Equal, expected));
        var replica = Any();
        var invoked = history.Tick();
        var reply = await TransactAsync(replica, new Transact(op));
        var record = reply switch
        {
            null => RegisterRecord.MayBeWritten(register, invoked, value),
            { IsOk: true } => RegisterRecord.Written(register, invoked, history.Tick(), value, reply.Results[0]),
            _ => RegisterRecord.Refused(register, invoked, history.Tick(), value, reply.Current),
        };
        if (reply is { IsOk: false, Status: not TableStatus.PreconditionFailed }) world.Violate($"a write was refused: {reply.Status} {reply.Message}");
        if (reply is { IsOk: true }) _seen[register] = expected + 1;
        history.OnRegister(record, replica.Lineage);
    }

    private async Task ReadAsync()
    {
        var register = world.Random.Next(RegisterCount);
        var replica = Any();
        var invoked = history.Tick();
        using var snapshot = await replica.ReadAsync(isLinearizable: true);
        if (snapshot is null) return;
        var reply = replica.Machine.Queries.Execute(snapshot, new GetRows(Registers, [[register]]));
        if (reply.Result is not RowsResult { Rows: [not null] } rows)
        {
            if (!replica.Lineage.IsWrong) world.Violate($"a linearizable read did not find register {register}: {reply.Status} {reply.Message}");
            return;
        }

        var row = rows[0];
        _seen[register] = row["n"].AsInt64();
        history.OnRegister(RegisterRecord.Read(register, invoked, history.Tick(), row["v"].AsInt64(), rows.Rows[0]!.Version), replica.Lineage);
    }

    /// <summary>Reads two accounts, and perhaps a third one, at a snapshot that need not be fresh; moves money between the two; commits, perhaps more than once in a session.</summary>
    private async Task TransferAsync()
    {
        var reader = Any();
        var invoked = history.Tick();
        using var snapshot = await reader.ReadAsync(isLinearizable: world.Chance(30));
        if (snapshot is null) return;
        var seenBy = reader.Lineage;
        int[] accounts = [.. Enumerable.Range(0, AccountCount)];
        world.Random.Shuffle(accounts);
        var transaction = new OptimisticTransaction(new Endpoint(reader.Machine.Queries, snapshot));
        var id = NextId();
        var seen = new List<AccountRead>();
        var amount = world.Random.Next(1, 10);
        for (var i = 0; i < (world.Chance(30) ? 3 : 2); i++)
        {
            if (await FindAsync(transaction, accounts[i]) is not { } row) return;
            seen.Add(new AccountRead(accounts[i], row["balance"].AsInt64(), row["last"].AsInt64()));
            if (i == 2) continue;
            var balance = row["balance"].AsInt64() + (i == 0 ? -amount : amount);
            transaction.Add(TableOp.Put(Accounts, Row.Of(("id", accounts[i]), ("balance", balance), ("last", id))));
        }

        var (reply, lineage) = world.Chance(50) ? await InSessionAsync(transaction.ToCommand()) : await OnceAsync(transaction.ToCommand());
        if (reply is { IsOk: false } && !TableException.IsTransient(reply.Status)) world.Violate($"a transfer was refused: {reply.Status} {reply.Message}");
        var record = new TransferRecord(id, accounts[0], accounts[1], amount, seen, invoked, reply is null ? null : history.Tick(), reply?.IsOk, reply is { IsOk: true } ? reply.Results[0].Version : null);
        history.OnTransfer(record, seenBy, lineage);
    }

    /// <summary>Null: the replica lags so far behind that it does not have the account yet.</summary>
    private static async Task<Row?> FindAsync(OptimisticTransaction transaction, int account)
    {
        try
        {
            return await transaction.GetAsync(Accounts, [account], default);
        }
        catch (TableException e) when (e.Status == TableStatus.UnknownTable)
        {
            return null;
        }
    }

    private async Task<(TableReply?, SimLineage)> OnceAsync(Transact command)
    {
        var replica = Any();
        return (await TransactAsync(replica, command), replica.Lineage);
    }

    /// <summary>The same command again and again, through whatever replicas, until one of them answers; and once more, when it is answered.</summary>
    private async Task<(TableReply?, SimLineage)> InSessionAsync(Transact command)
    {
        if (_session is null)
        {
            if (await ProposeAsync(Any(), new Proposal(ProposalKind.OpenSession, 0, 0, 0, default)) is not { } opened) return await OnceAsync(command);
            _session = new Session(BitConverter.ToUInt64(opened.Payload.Span));
        }

        var session = _session;
        var proposal = new Proposal(ProposalKind.Command, session.Id, session.Next(), session.Floor, TableCommandCodec.Encode(command));
        TableReply? first = null;
        var lineage = new SimLineage();
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var replica = Any();
            if (await ProposeAsync(replica, proposal) is not { } result) continue;
            if (result.Status != ProposalStatus.Applied) world.Violate($"command {proposal.Sequence} of session {session.Id} was not applied: {result.Status}");
            var reply = TableReply.Decode(result.Payload.Span)!;
            if (first is not null && (first.Status, first.Results.Count > 0 ? first.Results[0] : default) != (reply.Status, reply.Results.Count > 0 ? reply.Results[0] : default)) history.OnTwoAnswers(proposal, lineage, replica.Lineage);
            if (first is not null) world.Count("tables: answered again");
            (first, lineage) = (reply, replica.Lineage);
            if (world.Chance(70)) break;
        }

        session.Answered(proposal.Sequence);
        return (first, lineage);
    }

    /// <summary>The changes since it last asked, from any replica.</summary>
    private async Task WatchAsync()
    {
        var replica = Any();
        using var snapshot = await replica.ReadAsync(isLinearizable: false);
        if (snapshot is null) return;
        var reply = replica.Machine.Queries.Execute(snapshot, new ReadChanges(Accounts, 0, _through, KeyBounds.All, world.Random.Next(1, 20)));
        if (reply.Status == TableStatus.UnknownTable) return; // it lags so far behind
        if (reply.Result is not ChangesResult changes)
        {
            world.Violate($"a watch was refused: {reply.Status} {reply.Message}");
            return;
        }

        _through = changes.Through;
        history.OnChanges(number, changes, replica.Lineage);
    }

    private async Task<TableReply?> TransactAsync(SimRuntime replica, Transact command) =>
        await ProposeAsync(replica, new Proposal(ProposalKind.Command, 0, 0, 0, TableCommandCodec.Encode(command))) is { } result ? TableReply.Decode(result.Payload.Span) : null;

    /// <summary>Null: the outcome is unknown.</summary>
    private async Task<ProposalResult?> ProposeAsync(SimRuntime replica, Proposal proposal)
    {
        await world.Delay(world.Random.Next(500));
        var answered = replica.ProposeAsync(proposal);
        await Task.WhenAny(answered, world.Delay(Patience + world.Random.Next(100_000)));
        return answered.IsCompleted ? await answered : null;
    }

    private SimRuntime Any() => replicas[world.Random.Next(replicas.Length)];

    private long NextId() => (number + 1) * 100_000 + ++_last;

    private sealed class Endpoint(Delos.Tables.TableQueries queries, IStoreReader snapshot) : ITableEndpoint
    {
        public ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(queries.Execute(snapshot, query));

        public ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
