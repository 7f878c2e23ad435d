using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Puts rows in batches, several of them under way at a time. Rows with the same key are put in their order. Not thread-safe.</summary>
/// <param name="client">Of the cluster.</param>
/// <param name="schema">Of the table.</param>
/// <param name="rowsBefore">Rows of the file that were put by an earlier run.</param>
internal sealed class TableImporter(TableClient client, TableSchema schema, long rowsBefore)
{
    private const int RowsOfBatch = 500;
    private const int BytesOfBatch = 128 << 10;
    private const int Outstanding = 16;

    private readonly Queue<Batch> _underWay = new();

    /// <summary>Of the keys in batches that are not answered yet. Hashes: two keys that share one only wait for each other.</summary>
    private readonly HashSet<int> _keys = [];
    private readonly int[] _keyOrdinals = [.. schema.PrimaryKey.Select(schema.OrdinalOf)];
    private Batch _batch = new();
    private bool _failed;
    private long _read = rowsBefore;

    /// <summary>Rows of the file, from the first on, that are in the table.</summary>
    public long Done { get; private set; } = rowsBefore;

    /// <summary>Takes a row in; waits while too many are under way.</summary>
    /// <exception cref="TableException">A row of an earlier batch was refused.</exception>
    /// <exception cref="Delos.Client.DelosException">The cluster could not do it.</exception>
    public async ValueTask AddAsync(Row row)
    {
        var hash = HashOfKey(row);
        if (_keys.Contains(hash)) await DrainAsync().ConfigureAwait(false);
        _keys.Add(hash);
        _batch.Keys.Add(hash);
        _batch.Ops.Add(TableOp.Put(schema.Name, row));
        foreach (var cell in row) _batch.Bytes += cell.Value.Size;
        _read++;
        if (_batch.Ops.Count >= RowsOfBatch || _batch.Bytes >= BytesOfBatch) await SendAsync().ConfigureAwait(false);
    }

    /// <summary>Waits until all rows that were taken in are put.</summary>
    public async ValueTask DrainAsync()
    {
        if (_batch.Ops.Count > 0) await SendAsync().ConfigureAwait(false);
        while (_underWay.Count > 0) await FirstAsync().ConfigureAwait(false);
    }

    /// <summary>Waits for what is under way, after something failed. What stands behind a batch that was not put does not count, though it may be in: it is put again another time.</summary>
    /// <param name="withRest">Rows that were taken in and not sent yet are put, too, unless a batch has failed.</param>
    public async ValueTask SettleAsync(bool withRest)
    {
        try
        {
            if (withRest && !_failed && _batch.Ops.Count > 0) await SendAsync().ConfigureAwait(false);
            while (!_failed && _underWay.Count > 0) await FirstAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is TableException or Delos.Client.DelosException)
        {
            // What failed first is what is told.
        }

        foreach (var batch in _underWay) await batch.Write.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask SendAsync()
    {
        while (_underWay.Count >= Outstanding) await FirstAsync().ConfigureAwait(false);
        _batch.Through = _read;
        _batch.Write = client.WriteAsync(_batch.Ops).AsTask();
        _underWay.Enqueue(_batch);
        _batch = new Batch();
    }

    private async ValueTask FirstAsync()
    {
        var first = _underWay.Dequeue();
        try
        {
            await first.Write.ConfigureAwait(false);
        }
        catch
        {
            _failed = true;
            throw;
        }

        Done = first.Through;
        foreach (var key in first.Keys) _keys.Remove(key);
    }

    private int HashOfKey(Row row)
    {
        var hash = new HashCode();
        foreach (var ordinal in _keyOrdinals) hash.Add(row.TryGet(schema.Columns[ordinal].Name, out var value) ? value : schema.Columns[ordinal].Default);
        return hash.ToHashCode();
    }

    private sealed class Batch
    {
        public List<TableOp> Ops { get; } = [];

        public List<int> Keys { get; } = [];

        public int Bytes { get; set; }

        /// <summary>Rows of the file up to its last one.</summary>
        public long Through { get; set; }

        public Task Write { get; set; } = Task.CompletedTask;
    }
}
