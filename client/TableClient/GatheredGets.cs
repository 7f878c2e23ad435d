using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// Reads rows by key. A get that is alone is asked for at once; those that come while others are under way are gathered until the threads that make them have run, and asked for together: one query, one look at the log's tail, one
/// answer. For each of them that is as good as a query of its own, since all have begun before it is asked. If no node can answer it, each is asked for by itself: another one's key may be the reason. Thread-safe.
/// </summary>
/// <param name="reads">Asks.</param>
/// <param name="later">Runs what it is given when the threads that make gets have run; null: on the thread pool.</param>
internal sealed class GatheredGets(TableReads reads, Action<Action>? later = null)
{
    /// <summary>Of one query. More saves little, and while this process makes use of one answer, the node is to be busy with the next.</summary>
    private const int MostRows = 32;

    /// <summary>So many have room in one answer, however large they are.</summary>
    private const int RowsThatFit = (TableLimits.AnswerBytes + TableLimits.RowBytes) / TableLimits.RowBytes;

    /// <summary>Queries of as many rows as are tried at the time that must have had room before more are tried: one for which there is none costs a query for each row.</summary>
    private const int FitsBeforeMore = 16;

    private readonly Lock _lock = new();

    /// <summary>Those not asked for yet: one for each combination of table, columns and level in use.</summary>
    private readonly List<Gathering> _open = [];

    private readonly Action<Action> _later = later ?? (static run => ThreadPool.UnsafeQueueUserWorkItem(static r => r(), run, preferLocal: false));
    private int _underWay;
    private int _limit = MostRows;
    private int _fits;

    /// <summary>The row with that key, or null if there is none. Fails as <see cref="Table.GetAsync"/> does.</summary>
    /// <param name="table">Its name.</param>
    /// <param name="key">The primary key's values. They are copied.</param>
    /// <param name="columns">Names of the columns wanted; null: all. They are copied.</param>
    /// <param name="level">How fresh.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<VersionedRow?> GetAsync(string table, IReadOnlyList<CellValue> key, IReadOnlyList<string>? columns, TableReadLevel level, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<VersionedRow?>(cancellationToken);
        var (keyCopy, columnsCopy) = (key.ToArray(), columns?.ToArray());

        // Those after one's own last write hardly ever agree on a position.
        if (level.Kind == TableReadKind.After) return AskOneAsync(reads.Begin(), new GetRows(table, [keyCopy], columnsCopy), level, isSentAtOnce: false, cancellationToken);
        return TryGather(table, keyCopy, columnsCopy, level, cancellationToken) is { } get ? new ValueTask<VersionedRow?>(get.Row) : AskAloneAsync(new GetRows(table, [keyCopy], columnsCopy), level, cancellationToken);
    }

    /// <summary>Null: no other is under way, and now this one is.</summary>
    private GatheredGet? TryGather(string table, CellValue[] key, string[]? columns, TableReadLevel level, CancellationToken cancellationToken)
    {
        Gathering? gathering;
        GatheredGet get;
        bool isFirst, isFull;
        lock (_lock)
        {
            if (_underWay == 0 && _open.Count == 0)
            {
                _underWay = 1;
                return null;
            }

            isFirst = _open.Count == 0;
            gathering = _open.Find(g => g.Takes(table, columns, level));
            if (gathering is null) _open.Add(gathering = new Gathering(reads.Begin(), table, columns, level));
            gathering.Gets.Add(get = new GatheredGet(key, cancellationToken));
            isFull = gathering.Gets.Count >= _limit;
            if (isFull)
            {
                _open.Remove(gathering);
                _underWay++;
            }
        }

        // Not on this thread, whose next get may be one of the next query.
        if (isFull) ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Gets.AskAsync(work.Gathering, isSentAtOnce: true), (Gets: this, Gathering: gathering), preferLocal: false);
        if (isFirst) _later(AskOpen);
        return get;
    }

    private void AskOpen()
    {
        Gathering[] open;
        lock (_lock)
        {
            open = [.. _open];
            _open.Clear();
            _underWay += open.Length;
        }

        // The last one sends what the others have queued.
        for (var i = 0; i < open.Length; i++) _ = AskAsync(open[i], isSentAtOnce: i == open.Length - 1);
    }

    private async ValueTask<VersionedRow?> AskAloneAsync(GetRows query, TableReadLevel level, CancellationToken cancellationToken)
    {
        try
        {
            return await AskOneAsync(reads.Begin(), query, level, isSentAtOnce: false, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _underWay--;
        }
    }

    /// <summary>Never fails.</summary>
    private async Task AskAsync(Gathering gathering, bool isSentAtOnce)
    {
        if (gathering.Gets is [var only])
        {
            await AskOnlyAsync(gathering, only, isSentAtOnce).ConfigureAwait(false);
            return;
        }

        VersionedRow?[]? rows = null;
        var hasRoom = true;
        try
        {
            rows = FoundRows.Of(await reads.AskGatheredAsync(gathering.Rounds, gathering.ToQuery(), gathering.Level, isSentAtOnce).ConfigureAwait(false), gathering.Gets.Count);
        }
        catch (TableException e)
        {
            hasRoom = e.Status != TableStatus.TooLarge;
        }
        catch (Exception)
        {
            // Whatever it is, those whom it is about will be told.
        }

        if (rows is not null || !hasRoom) Learn(gathering.Gets.Count, hasRoom);
        if (rows is null) AskEach(gathering);

        // Before the callers go on: what they ask for next may be alone.
        End();
        if (rows is not null) Answer(gathering.Gets, rows);
    }

    private void End()
    {
        lock (_lock) _underWay--;
    }

    /// <summary>How many rows may be asked for at a time.</summary>
    private void Learn(int rows, bool hasRoom)
    {
        lock (_lock)
        {
            if (!hasRoom) (_limit, _fits) = (Math.Min(_limit, Math.Max(RowsThatFit, rows / 2)), 0);
            else if (_limit < MostRows && rows >= _limit && ++_fits >= FitsBeforeMore) (_limit, _fits) = (_limit + 1, 0);
        }
    }

    private static void Answer(List<GatheredGet> gets, VersionedRow?[] rows)
    {
        for (var i = 0; i < rows.Length - 1; i++) ThreadPool.UnsafeQueueUserWorkItem(static answer => answer.Get.Answer(answer.Row), (Get: gets[i], Row: rows[i]), preferLocal: true);

        // What this caller does next is done here: nothing else has to be, and a change of threads is saved.
        gets[^1].Answer(rows[^1]);
    }

    /// <summary>They could not be asked for together. Each has a work item of its own, since what its caller does next may wait for another one's.</summary>
    private void AskEach(Gathering gathering)
    {
        foreach (var get in gathering.Gets)
        {
            if (get.Row.IsCompleted) continue;
            lock (_lock) _underWay++;
            ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Gets.AskOnlyAsync(work.Gathering, work.Get, isSentAtOnce: false), (Gets: this, Gathering: gathering, Get: get), preferLocal: false);
        }
    }

    /// <summary>Asks for one of them, in the time that they have left. Never fails.</summary>
    private async Task AskOnlyAsync(Gathering gathering, GatheredGet get, bool isSentAtOnce)
    {
        VersionedRow? row;
        try
        {
            row = await AskOneAsync(gathering.Rounds.Beside(), gathering.ToQuery(get), gathering.Level, isSentAtOnce, get.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            End();
            get.Fail(e);
            return;
        }

        End();
        get.Answer(row);
    }

    private async ValueTask<VersionedRow?> AskOneAsync(NodeRounds rounds, GetRows query, TableReadLevel level, bool isSentAtOnce, CancellationToken cancellationToken) =>
        FoundRows.Of(await reads.AskAsync(rounds, query, level, TableHold.None, TimeSpan.Zero, cancellationToken, isSentAtOnce).ConfigureAwait(false), 1)[0];
}
