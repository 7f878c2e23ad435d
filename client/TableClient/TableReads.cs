using System.Runtime.CompilerServices;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>An answer, and who gave it.</summary>
/// <param name="Reply">The tables' answer.</param>
/// <param name="Node">Who gave it.</param>
/// <param name="Hold">That node's hold on the answer's snapshot; none if its id is 0.</param>
internal readonly record struct TableAnswer(QueryReply Reply, uint Node, ViewHold Hold);

/// <summary>A node holds a snapshot for a scan or a transaction.</summary>
/// <param name="Node">Who.</param>
/// <param name="Id">What the node calls it; 0: there is none.</param>
internal readonly record struct ViewHold(uint Node, ulong Id);

/// <summary>Sends queries: to any node, or to the one that holds a snapshot. Reading twice does no harm, so whatever fails is tried elsewhere. Thread-safe.</summary>
internal sealed class TableReads(TableNodes nodes, NodeAttempts attempts, TableClientOptions options, TimeProvider timeProvider)
{
    public TimeProvider TimeProvider => timeProvider;

    /// <summary>How long one operation may take.</summary>
    public TimeSpan OperationTimeout => options.OperationTimeout;

    /// <summary>Begins an operation, whose time runs from now on.</summary>
    public NodeRounds Begin() => new(nodes, options, timeProvider);

    /// <summary>Asks any node, and another one if that cannot tell.</summary>
    /// <param name="query">Names no snapshot.</param>
    /// <param name="level">How fresh.</param>
    /// <param name="hold">Whether the answer's snapshot is wanted longer.</param>
    /// <param name="wait">Of a query for changes: how long the node waits for the first one.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="DelosException">Unavailable, LimitExceeded, Protocol.</exception>
    public ValueTask<TableAnswer> AskAsync(TableQuery query, TableReadLevel level, TableHold hold, TimeSpan wait, CancellationToken cancellationToken) =>
        AskAsync(new NodeRounds(nodes, options, timeProvider, wait), query, level, hold, wait, cancellationToken);

    /// <inheritdoc cref="AskAsync(TableQuery, TableReadLevel, TableHold, TimeSpan, CancellationToken)"/>
    /// <param name="rounds">The operation that it is part of.</param>
    /// <param name="isSentAtOnce">It is not to wait for others that may come.</param>
    public ValueTask<TableAnswer> AskAsync(NodeRounds rounds, TableQuery query, TableReadLevel level, TableHold hold, TimeSpan wait, CancellationToken cancellationToken, bool isSentAtOnce = false) =>
        AskAnyAsync(rounds, new TableRead(level.Kind, level.Argument, hold, (uint)wait.TotalMilliseconds, TableQueryCodec.Encode(query)), isSentAtOnce, isOneRound: false, cancellationToken);

    /// <summary>Asks for rows that several callers want: any node, then the others, each once.</summary>
    /// <exception cref="DelosException">What the last one failed with.</exception>
    public ValueTask<TableAnswer> AskGatheredAsync(NodeRounds rounds, GetRows query, TableReadLevel level, bool isSentAtOnce) =>
        AskAnyAsync(rounds, new TableRead(level.Kind, level.Argument, TableHold.None, 0, TableQueryCodec.Encode(query)), isSentAtOnce, isOneRound: true, CancellationToken.None);

    /// <summary>Asks the node that holds the query's snapshot; null: it does not answer, and the snapshot is lost.</summary>
    /// <exception cref="DelosException">Unavailable: the operation's time is over. LimitExceeded, Protocol.</exception>
    public async ValueTask<TableAnswer?> TryAskAtAsync(NodeRounds rounds, uint node, TableQuery query, CancellationToken cancellationToken)
    {
        var request = new TableRead(TableReadKind.Stale, 0, TableHold.None, 0, TableQueryCodec.Encode(query));
        var mayBeBack = true;
        while (true)
        {
            var (answer, failure) = await AskAtAsync(node, request, rounds.AttemptTime, isSentAtOnce: false, cancellationToken).ConfigureAwait(false);
            if (failure is not { } why) return answer;
            if (why.Kind == FailureKind.Final) throw why.ToException();

            // A connection may break while the node lives on and holds what it held: it is dialled once more.
            if (why.Kind != FailureKind.Busy && !mayBeBack) return null;
            if (!rounds.IsTimeLeft) throw why.ToException();
            mayBeBack = mayBeBack && why.Kind == FailureKind.Busy;
            await rounds.PauseAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks for the next page: the node that holds its snapshot, then all others. If nobody has it, the answer is SnapshotExpired.</summary>
    /// <exception cref="DelosException">Unavailable: the operation's time is over. LimitExceeded, Protocol.</exception>
    public async ValueTask<TableAnswer> ContinueAsync(NodeRounds rounds, uint node, TableQuery query, CancellationToken cancellationToken)
    {
        if (await TryAskAtAsync(rounds, node, query, cancellationToken).ConfigureAwait(false) is { } answer) return answer;
        foreach (var other in nodes.Known)
        {
            if (other != node && await TryAskAtAsync(rounds, other, query, cancellationToken).ConfigureAwait(false) is { Reply.Status: not TableStatus.SnapshotExpired } found) return found;
        }

        return new TableAnswer(new QueryReply(TableStatus.SnapshotExpired, $"node {node}, which held the scan's snapshot, does not answer any more; begin the scan anew", SnapshotId.Empty, null), node, default);
    }

    /// <summary>Tells the node that a snapshot is not needed any more. It would find out by itself, later.</summary>
    public void Release(ViewHold hold)
    {
        if (hold.Id == 0 || !nodes.IsConnected(hold.Node)) return;
        var connecting = nodes.ConnectAsync(hold.Node, CancellationToken.None);
        if (!connecting.IsCompletedSuccessfully) return;
        var connection = connecting.Result;
        connection.Enqueue(new TableRelease(hold.Id));
        connection.Flush();
    }

    private ValueTask<TableAnswer> AskAnyAsync(NodeRounds rounds, TableRead request, bool isSentAtOnce, bool isOneRound, CancellationToken cancellationToken) => rounds.AskAnyAsync(
        (Reads: this, Request: request, IsSentAtOnce: isSentAtOnce),
        static (s, node, time, token) => s.Reads.AskAtAsync(node, s.Request, time, s.IsSentAtOnce, token),
        isOneRound,
        cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(TableAnswer Answer, AttemptFailure? Failure)> AskAtAsync(uint node, TableRead request, TimeSpan time, bool isSentAtOnce, CancellationToken cancellationToken)
    {
        var (reply, failure) = await attempts.AskAsync<TableRead, DecodedReadReply>(node, request, time, isSentAtOnce, cancellationToken).ConfigureAwait(false);
        if (failure is not null) return (default, failure);
        if (reply.Reply is { } decoded) return (new TableAnswer(decoded, node, new ViewHold(node, reply.Hold)), null);
        return (default, new AttemptFailure(FailureKind.Final, DelosErrorCode.Protocol, $"node {node} gave an answer that this version cannot read"));
    }
}
