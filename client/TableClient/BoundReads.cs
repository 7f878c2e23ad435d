using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Where one attempt of a transaction reads: the node that answered first holds its snapshot until <see cref="Release"/>. If that node is lost, the snapshot is, and the transaction begins anew. Not thread-safe.</summary>
internal sealed class BoundReads(TableReads reads, TableWrites writes) : ITableEndpoint
{
    private uint _node;
    private ViewHold _hold;

    public async ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken)
    {
        if (_node != 0) return await reads.TryAskAtAsync(_node, query, cancellationToken).ConfigureAwait(false) is { } reply ? reply.Reply : Lost(query.Snapshot);
        var first = await reads.AskAsync(query, TableReadLevel.Linearizable, TableHold.Always, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (!first.Reply.IsOk) return first.Reply;
        _node = first.Node;
        _hold = first.Hold;
        return first.Reply;
    }

    public async ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken) => (await writes.ProposeAsync(command, cancellationToken).ConfigureAwait(false)).Reply;

    /// <summary>The snapshot is not needed any more.</summary>
    public void Release()
    {
        reads.Release(_hold);
        _hold = default;
    }

    private QueryReply Lost(SnapshotId? snapshot) =>
        new(TableStatus.SnapshotExpired, $"node {_node}, which held the transaction's snapshot, does not answer any more; run the transaction again", snapshot ?? SnapshotId.Empty, null);
}
