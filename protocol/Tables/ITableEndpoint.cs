namespace Delos.Protocol.Tables;

/// <summary>Where tables are to be reached: a service behind a connection, or a replica in the same process. Thread-safe.</summary>
public interface ITableEndpoint
{
    /// <summary>Reads. A query without a snapshot is linearizable: it sees all that was answered before it was asked.</summary>
    ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken);

    /// <summary>Has the command applied, once, and brings its answer.</summary>
    ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken);
}

/// <summary>A query or command was refused where only success can go on.</summary>
/// <param name="status">Why.</param>
/// <param name="message">Why, and what to do about it, for people.</param>
/// <param name="reply">The answer to the command, if it was one.</param>
public sealed class TableException(TableStatus status, string message, TableReply? reply = null) : Exception(message)
{
    public TableStatus Status => status;

    /// <summary>Of a command: which operation was refused, and the version that its row has. Null for a query.</summary>
    public TableReply? Reply => reply;

    /// <summary>Whether the same transaction, run again from the start, may succeed: others came before it, or its snapshot is gone.</summary>
    public static bool IsTransient(TableStatus status) => status is TableStatus.Conflict or TableStatus.SnapshotExpired;
}
