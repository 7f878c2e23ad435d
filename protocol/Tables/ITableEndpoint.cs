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
public sealed class TableException(TableStatus status, string message) : Exception(message)
{
    public TableStatus Status => status;

    /// <summary>Whether the same transaction, run again from the start, may succeed: others came before it, or its snapshot is gone.</summary>
    public static bool IsTransient(TableStatus status) => status is TableStatus.Conflict or TableStatus.SnapshotExpired;
}
