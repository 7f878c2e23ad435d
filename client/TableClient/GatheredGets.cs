using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// Reads rows by key. A get that is alone is asked for at once; those that come while others are under way are gathered until the threads that make them have run, and asked for together: one query, one look at the log's tail, one
/// answer. For each of them that is as good as a query of its own, since all have begun before it is asked. If it fails, each is asked for by itself: another one's key may be the reason. Thread-safe.
/// </summary>
internal sealed class GatheredGets(TableReads reads)
{
    /// <summary>Of one query. More saves little, and while this process makes use of one answer, the node is to be busy with the next.</summary>
    private const int MostRows = 32;

    private readonly Lock _lock = new();

    /// <summary>Those not asked for yet: hardly ever more than one for each table in use.</summary>
    private readonly List<Gathering> _open = [];

    private int _underWay;

    /// <summary>Rows of one query, fewer if they are so large that an answer has no room for <see cref="MostRows"/>.</summary>
    private int _limit = MostRows;

    /// <summary>The row with that key, or null if there is none. Fails as <see cref="Table.GetAsync"/> does.</summary>
    /// <param name="table">Its name.</param>
    /// <param name="key">The primary key's values. They are copied.</param>
    /// <param name="columns">Names of the columns wanted; null: all.</param>
    /// <param name="level">How fresh.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<VersionedRow?> GetAsync(string table, IReadOnlyList<CellValue> key, IReadOnlyList<string>? columns, TableReadLevel level, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var copy = key.ToArray();
        if (TryGather(table, copy, columns, level) is not { } row) return AskAloneAsync(new GetRows(table, [copy], columns), level, cancellationToken);
        return new ValueTask<VersionedRow?>(cancellationToken.CanBeCanceled ? row.WaitAsync(cancellationToken) : row);
    }

    /// <summary>Null: no other is under way, and now this one is.</summary>
    private Task<VersionedRow?>? TryGather(string table, CellValue[] key, IReadOnlyList<string>? columns, TableReadLevel level)
    {
        Gathering? gathering;
        Task<VersionedRow?> row;
        bool isNew, isClosed;
        lock (_lock)
        {
            if (_underWay == 0 && _open.Count == 0)
            {
                _underWay = 1;
                return null;
            }

            gathering = _open.Find(g => g.Takes(table, columns, level));
            isNew = gathering is null;
            if (gathering is null) _open.Add(gathering = new Gathering(reads.Begin(), table, columns, level));
            row = gathering.Add(key);
            isClosed = gathering.Count >= _limit && TryClose(gathering);
        }

        if (isClosed) _ = AskAsync(gathering);
        else if (isNew) ThreadPool.UnsafeQueueUserWorkItem(static work => work.Gets.CloseAndAsk(work.Gathering), (Gets: this, Gathering: gathering), preferLocal: false);
        return row;
    }

    /// <summary>When the threads that make gets have run.</summary>
    private void CloseAndAsk(Gathering gathering)
    {
        lock (_lock)
        {
            if (!TryClose(gathering)) return;
        }

        _ = AskAsync(gathering);
    }

    /// <summary>Under the lock. Takes it out; false: that was done already.</summary>
    private bool TryClose(Gathering gathering)
    {
        if (!_open.Remove(gathering)) return false;
        _underWay++;
        return true;
    }

    private async ValueTask<VersionedRow?> AskAloneAsync(GetRows query, TableReadLevel level, CancellationToken cancellationToken)
    {
        try
        {
            return await AskOneAsync(reads.Begin(), query, level, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _underWay--;
        }
    }

    /// <summary>Never fails.</summary>
    private async Task AskAsync(Gathering gathering)
    {
        VersionedRow?[] rows;
        try
        {
            rows = await AskAllAsync(gathering).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            End(gathering, (e as TableException)?.Status);
            if (gathering.Count == 1 || !gathering.Rounds.IsTimeLeft) gathering.Fail(e);
            else
            {
                for (var i = 0; i < gathering.Count; i++) _ = AskOnlyAsync(gathering, i);
            }

            return;
        }

        End(gathering, TableStatus.Ok);
        gathering.Answer(rows);
    }

    /// <summary>Before the callers go on: what they ask for next may be alone.</summary>
    private void End(Gathering gathering, TableStatus? status)
    {
        lock (_lock)
        {
            _underWay--;
            if (status == TableStatus.TooLarge) _limit = Math.Max(1, gathering.Count / 2);
            else if (status == TableStatus.Ok && gathering.Count >= _limit && _limit < MostRows) _limit++;
        }
    }

    private async ValueTask<VersionedRow?[]> AskAllAsync(Gathering gathering)
    {
        var answer = await reads.AskGatheredAsync(gathering.Rounds, gathering.ToQuery(), gathering.Level).ConfigureAwait(false);
        var found = TableClient.Expect<RowsResult>(answer.Reply);
        if (found.Rows.Count != gathering.Count) throw new DelosException(DelosErrorCode.Protocol, $"Node {answer.Node} was asked for {gathering.Count} rows and answered with {found.Rows.Count}.", node: answer.Node);
        var rows = new VersionedRow?[gathering.Count];
        for (var i = 0; i < rows.Length; i++) rows[i] = found.Rows[i] is { } row ? VersionedRow.Of(found.Columns, row) : null;
        return rows;
    }

    /// <summary>Asks for one of those that could not be asked for together, in the time that they have left. Never fails.</summary>
    private async Task AskOnlyAsync(Gathering gathering, int index)
    {
        var (query, caller) = gathering.Only(index);
        VersionedRow? row;
        try
        {
            row = await AskOneAsync(gathering.Rounds.Beside(), query, gathering.Level, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            caller.SetException(e);
            return;
        }

        caller.SetResult(row);
    }

    private async ValueTask<VersionedRow?> AskOneAsync(NodeRounds rounds, GetRows query, TableReadLevel level, CancellationToken cancellationToken)
    {
        var answer = await reads.AskAsync(rounds, query, level, TableHold.None, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        var found = TableClient.Expect<RowsResult>(answer.Reply);
        return found.Rows[0] is { } row ? VersionedRow.Of(found.Columns, row) : null;
    }
}
