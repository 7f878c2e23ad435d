using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Gets of one table, of the same columns and freshness, that are asked for together. Not thread-safe: filled under the lock of <see cref="GatheredGets"/>, then answered once.</summary>
/// <param name="rounds">Their operation; it has the time of the first of them.</param>
/// <param name="table">Its name.</param>
/// <param name="columns">Names of the columns wanted; null: all. They are copied.</param>
/// <param name="level">How fresh.</param>
internal sealed class Gathering(NodeRounds rounds, string table, IReadOnlyList<string>? columns, TableReadLevel level)
{
    private readonly string[]? _columns = columns?.ToArray();
    private readonly List<IReadOnlyList<CellValue>> _keys = [];
    private readonly List<TaskCompletionSource<VersionedRow?>> _callers = [];

    public NodeRounds Rounds => rounds;

    public TableReadLevel Level => level;

    public int Count => _keys.Count;

    /// <summary>Whether such a get can be one of them.</summary>
    public bool Takes(string ofTable, IReadOnlyList<string>? ofColumns, TableReadLevel ofLevel) =>
        ofTable == table && ofLevel == level && (ofColumns is null ? _columns is null : _columns is not null && ofColumns.SequenceEqual(_columns));

    /// <summary>Adds one.</summary>
    /// <returns>Its row, once it is known.</returns>
    public Task<VersionedRow?> Add(IReadOnlyList<CellValue> key)
    {
        var caller = new TaskCompletionSource<VersionedRow?>();
        _keys.Add(key);
        _callers.Add(caller);
        return caller.Task;
    }

    /// <summary>What to ask for.</summary>
    public GetRows ToQuery() => new(table, _keys, _columns);

    /// <summary>What to ask for so that one of them has its answer, and where to put it.</summary>
    public (GetRows Query, TaskCompletionSource<VersionedRow?> Caller) Only(int index) => (new GetRows(table, [_keys[index]], _columns), _callers[index]);

    /// <param name="rows">One for each, in the order of <see cref="ToQuery"/>.</param>
    public void Answer(VersionedRow?[] rows)
    {
        for (var i = 0; i < Count - 1; i++) ThreadPool.UnsafeQueueUserWorkItem(static answer => answer.Caller.SetResult(answer.Row), (Caller: _callers[i], Row: rows[i]), preferLocal: true);

        // What the caller does next is done here: nothing else has to be, and a change of threads is saved.
        _callers[^1].SetResult(rows[^1]);
    }

    public void Fail(Exception e)
    {
        foreach (var caller in _callers) ThreadPool.UnsafeQueueUserWorkItem(static failure => failure.Caller.SetException(failure.Exception), (Caller: caller, Exception: e), preferLocal: true);
    }
}
