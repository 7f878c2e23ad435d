using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// DelosTable: tables with typed columns, secondary indexes and transactions, as a state machine on the log. Commands are <see cref="TableCommandCodec"/>'s bytes, answers <see cref="TableReply"/>'s. Whatever the bytes are, the
/// outcome is an answer; an exception means that the store itself is damaged.
/// </summary>
/// <param name="cache">Schemas, to be shared with <see cref="TableQueries"/>.</param>
public sealed class TableStateMachine(SchemaCache cache) : IStateMachine
{
    private readonly Action<ChangedTables>? _committed;
    private readonly ChangedTables _changed = new();

    // Of the entry whose commands are being applied: each has a store of its own. One that failed leaves a scope that nobody asks for again.
    private CommandScope? _scope;

    /// <param name="cache">Schemas, to be shared with <see cref="TableQueries"/>.</param>
    /// <param name="committed">Told after each batch which tables may have changed: their watchers look. Valid during the call only. Not to block.</param>
    public TableStateMachine(SchemaCache cache, Action<ChangedTables> committed)
        : this(cache) => _committed = committed;

    public ReadOnlyMemory<byte> Apply(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> command) => ApplyDecoded(store, context, command).Encode();

    public void Complete(IStoreTransaction store)
    {
        if (_scope is not { } scope || scope.Store != store) return;
        scope.WriteKept();
        TableClock.Write(store, new SnapshotId(scope.Version, scope.Time));
        _scope = null;
    }

    public void OnCommitted(long cursor)
    {
        // Of a batch that failed, tables are left that have not changed: they are named with the next one.
        _committed?.Invoke(_changed);
        _changed.Clear();
    }

    private TableReply ApplyDecoded(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> bytes)
    {
        var scope = _scope?.Store == store ? _scope : _scope = new CommandScope(store, cache);
        scope.Begin(new RowVersion(context.Position, context.Index), CellValue.MicrosOf(context.Time));
        var reply = Refuse(bytes, out var command) ?? (command is Transact transact ? Transactor.Apply(scope, transact) : Dispatch(scope, command!));
        scope.Finish();
        if (command is not Transact) scope.WriteKept();
        if (_committed is not null && command is not null) _changed.Add(command, reply);
        return reply;
    }

    private static TableReply? Refuse(ReadOnlySpan<byte> bytes, out TableCommand? command)
    {
        command = null;
        if (bytes.Length > TableLimits.CommandBytes) return Refusals.TooLarge($"the command has {bytes.Length} bytes, at most {TableLimits.CommandBytes} are possible; split it");
        command = TableCommandCodec.Decode(bytes, out var status);
        return status switch
        {
            TableStatus.Ok => null,
            TableStatus.UnsupportedCommand => TableReply.Refused(status, "the command is of a later version than the replicas; upgrade them, then send it again"),
            _ => TableReply.Refused(status, "the bytes are no command"),
        };
    }

    /// <summary>All but transactions: they look at tables as they are in the store, and change what is known of them.</summary>
    private static TableReply Dispatch(CommandScope scope, TableCommand command)
    {
        scope.WriteKept();
        return command switch
        {
            CreateTable create => TableCommands.Create(scope, create),
            DropTable drop => TableCommands.Drop(scope, drop),
            AlterTable alter => TableCommands.Alter(scope, alter),
            CreateIndex create => IndexCommands.Create(scope, create),
            DropIndex drop => IndexCommands.Drop(scope, drop),
            BackfillIndex backfill => IndexBackfill.Step(scope, backfill),
            Sweep sweep => Sweeper.Step(scope, sweep),
            _ => TableReply.Refused(TableStatus.UnsupportedCommand, "the command is unknown"),
        };
    }
}
