namespace Delos.Protocol.Tables;

/// <summary>
/// An interactive transaction: reads at one snapshot, that of its first read; keeps its writes to itself; and commits as one command, which is refused as <see cref="TableStatus.Conflict"/> if anything that was read has changed.
/// So all that commit are serializable, in the order of their positions. Reads do not see the transaction's own writes. Not thread-safe; for one attempt: <see cref="RunAsync"/> makes one for each.
/// </summary>
public sealed class OptimisticTransaction(ITableEndpoint endpoint)
{
    private readonly List<TableOp> _ops = [];
    private readonly List<(uint TableId, uint Generation, List<ReadKey> Keys, List<KeyRange> Ranges)> _reads = [];

    /// <summary>Where it reads; null: it has not read yet.</summary>
    public SnapshotId? Snapshot { get; private set; }

    /// <summary>Runs a transaction until it commits, at most so many times.</summary>
    /// <param name="endpoint">Where the tables are.</param>
    /// <param name="body">Reads and adds writes; is run anew for each attempt, so it should do nothing else.</param>
    /// <param name="attempts">At least one.</param>
    /// <param name="pause">Waits after the n-th attempt failed, from 1; best at random and longer each time. Null: not at all.</param>
    /// <param name="cancellationToken">Between and during attempts.</param>
    /// <returns>What the body returned in the attempt that committed.</returns>
    /// <exception cref="TableException">A read or the commit was refused for good, or conflicted as often as there were attempts; nothing was written.</exception>
    public static async ValueTask<T> RunAsync<T>(ITableEndpoint endpoint, Func<OptimisticTransaction, CancellationToken, ValueTask<T>> body, int attempts, Func<int, CancellationToken, ValueTask>? pause, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, 1);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var transaction = new OptimisticTransaction(endpoint);
                var result = await body(transaction, cancellationToken).ConfigureAwait(false);
                var reply = await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                return reply.IsOk ? result : throw new TableException(reply.Status, reply.Message, reply);
            }
            catch (TableException e) when (TableException.IsTransient(e.Status) && attempt < attempts)
            {
                if (pause is not null) await pause(attempt, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The row, or null if there is none.</summary>
    /// <exception cref="TableException">The read was refused.</exception>
    public async ValueTask<Row?> GetAsync(string table, IReadOnlyList<CellValue> key, CancellationToken cancellationToken)
    {
        var rows = (RowsResult)await QueryAsync(new GetRows(table, [key], null, Snapshot), cancellationToken).ConfigureAwait(false);
        ReadsOf(rows).Keys.Add(new ReadKey(key, rows.Rows[0]?.Version ?? RowVersion.None));
        return rows.Rows[0] is null ? null : rows[0];
    }

    /// <summary>One page of a scan. What it covers must not change until the commit: neither rows that the filters let through nor others.</summary>
    /// <exception cref="TableException">The read was refused.</exception>
    public async ValueTask<RowsResult> ScanAsync(ScanRows scan, CancellationToken cancellationToken)
    {
        var rows = (RowsResult)await QueryAsync(scan with { Snapshot = Snapshot }, cancellationToken).ConfigureAwait(false);
        AddRange(ReadsOf(rows).Ranges, rows.Range!);
        return rows;
    }

    /// <summary>Something to be done at the commit.</summary>
    public void Add(TableOp op) => _ops.Add(op);

    /// <summary>The command that commits it.</summary>
    public Transact ToCommand() => new([.. _ops], Snapshot is { } snapshot ? new ReadSet(snapshot, [.. _reads.Select(r => new TableReads(r.TableId, r.Generation, [.. r.Keys], [.. r.Ranges]))]) : null);

    /// <summary>All that was added, or nothing. One that only read has succeeded already: all that it saw was so at one moment.</summary>
    public ValueTask<TableReply> CommitAsync(CancellationToken cancellationToken) => _ops.Count == 0 ? ValueTask.FromResult(TableReply.Ok) : endpoint.ProposeAsync(ToCommand(), cancellationToken);

    private async ValueTask<QueryResult> QueryAsync(TableQuery query, CancellationToken cancellationToken)
    {
        var reply = await endpoint.QueryAsync(query, cancellationToken).ConfigureAwait(false);
        if (reply.Result is not { } result) throw new TableException(reply.Status, reply.Message);
        Snapshot ??= reply.Snapshot;
        return result;
    }

    private (uint TableId, uint Generation, List<ReadKey> Keys, List<KeyRange> Ranges) ReadsOf(RowsResult rows)
    {
        foreach (var reads in _reads)
        {
            if (reads.TableId == rows.TableId) return reads;
        }

        _reads.Add((rows.TableId, rows.Generation, [], []));
        return _reads[^1];
    }

    /// <summary>Pages that follow each other become one range.</summary>
    private static void AddRange(List<KeyRange> ranges, KeyRange added)
    {
        if (ranges.Count > 0 && ranges[^1] is var last && last.IndexId == added.IndexId)
        {
            if (last.To.AsSpan().SequenceEqual(added.From)) ranges[^1] = last with { To = added.To };
            else if (added.To.AsSpan().SequenceEqual(last.From)) ranges[^1] = last with { From = added.From };
            else ranges.Add(added);
            return;
        }

        ranges.Add(added);
    }
}
