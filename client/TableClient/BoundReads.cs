using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// Where a transaction reads: the node that answers an attempt's first read holds its snapshot until <see cref="Release"/>, and gets all further ones. If that node is lost, the snapshot is, and the transaction begins anew, unless its
/// time is over. Not thread-safe.
/// </summary>
internal sealed class BoundReads(TableReads reads, TableWrites writes) : ITableEndpoint
{
    private readonly long _begun = reads.TimeProvider.GetTimestamp();
    private uint _node;
    private ViewHold _hold;

    public async ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken)
    {
        if (_node != 0) return await reads.TryAskAtAsync(reads.Begin(), _node, query, cancellationToken).ConfigureAwait(false) is { } reply ? reply.Reply : Lost(query.Snapshot);
        var first = await reads.AskAsync(query, TableReadLevel.Linearizable, TableHold.Always, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (!first.Reply.IsOk) return first.Reply;
        _node = first.Node;
        _hold = first.Hold;
        return first.Reply;
    }

    public async ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken) => (await writes.ProposeAsync(command, cancellationToken).ConfigureAwait(false)).Reply;

    /// <summary>The attempt has read all that it reads; the next one reads at a snapshot of its own.</summary>
    public void Release()
    {
        reads.Release(_hold);
        (_node, _hold) = (0, default);
    }

    private QueryReply Lost(SnapshotId? snapshot)
    {
        var message = $"node {_node}, which held the transaction's snapshot, does not answer any more";
        if (reads.TimeProvider.GetElapsedTime(_begun) >= reads.OperationTimeout) throw new DelosException(DelosErrorCode.Unavailable, $"Nothing was written: {message}.", node: _node);
        return new QueryReply(TableStatus.SnapshotExpired, $"{message}; run the transaction again", snapshot ?? SnapshotId.Empty, null);
    }
}
