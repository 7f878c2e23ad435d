using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Tables and indexes: made, changed, dropped, described. All of it takes effect at once, and the rest of the work is done behind the scenes.</summary>
public sealed partial class TableClient
{
    /// <returns>The table as it is now.</returns>
    /// <exception cref="TableException">TableExists, InvalidArgument, TooLarge, …</exception>
    public ValueTask<TableSchema> CreateTableAsync(CreateTable table, CancellationToken cancellationToken = default) => ChangeAsync(table, cancellationToken);

    /// <summary>Adds and drops columns, changes settings.</summary>
    /// <returns>The table as it is now.</returns>
    /// <exception cref="TableException">UnknownTable, ColumnExists, ColumnInUse, …</exception>
    public ValueTask<TableSchema> AlterTableAsync(AlterTable change, CancellationToken cancellationToken = default) => ChangeAsync(change, cancellationToken);

    /// <exception cref="TableException">UnknownTable.</exception>
    public async ValueTask DropTableAsync(string table, CancellationToken cancellationToken = default) => await DoAsync(new DropTable(table), cancellationToken).ConfigureAwait(false);

    /// <summary>Creates an index. Of a table with rows it is built behind the scenes: <see cref="DescribeTableAsync"/> says when it is ready, or why it failed.</summary>
    /// <returns>The table as it is now.</returns>
    /// <exception cref="TableException">UnknownTable, UnknownColumn, IndexExists, …</exception>
    public ValueTask<TableSchema> CreateIndexAsync(string table, IndexDefinition index, CancellationToken cancellationToken = default) => ChangeAsync(new CreateIndex(table, index), cancellationToken);

    /// <returns>The table as it is now.</returns>
    /// <exception cref="TableException">UnknownTable, UnknownIndex.</exception>
    public ValueTask<TableSchema> DropIndexAsync(string table, string index, CancellationToken cancellationToken = default) => ChangeAsync(new DropIndex(table, index), cancellationToken);

    /// <summary>All tables, in the order of their ids.</summary>
    public async ValueTask<IReadOnlyList<TableDescription>> ListTablesAsync(TableReadLevel level = default, CancellationToken cancellationToken = default) =>
        (await AskAsync<TablesResult>(new DescribeTables(), level, cancellationToken).ConfigureAwait(false)).Tables;

    /// <exception cref="TableException">UnknownTable.</exception>
    public async ValueTask<TableDescription> DescribeTableAsync(string table, TableReadLevel level = default, CancellationToken cancellationToken = default) =>
        (await AskAsync<TablesResult>(new DescribeTables(table), level, cancellationToken).ConfigureAwait(false)).Tables[0];

    private async ValueTask<TableSchema> ChangeAsync(TableCommand command, CancellationToken cancellationToken) =>
        (await DoAsync(command, cancellationToken).ConfigureAwait(false)).Schema ?? throw new DelosException(DelosErrorCode.Protocol, "The answer to a change of a table does not have the table.");

    private async ValueTask<TableReply> DoAsync(TableCommand command, CancellationToken cancellationToken)
    {
        var reply = await ProposeAsync(command, cancellationToken).ConfigureAwait(false);
        return reply.IsOk ? reply : throw new TableException(reply.Status, reply.Message, reply);
    }
}
