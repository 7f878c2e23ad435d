using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>What <c>bench table</c> does to a table: a number as its key, and bytes. Each call answers how many rows it was about.</summary>
/// <param name="client">Its own.</param>
/// <param name="size">Bytes of a value.</param>
/// <param name="rows">Keys are below.</param>
/// <param name="scanRows">Rows of one scan.</param>
internal sealed class BenchTableCalls(TableClient client, int size, int rows, int scanRows)
{
    private const string Name = "delos-bench";
    private const int RowsOfWrite = 500;

    private readonly Table _table = client.Table(Name);
    private readonly CellValue _value = MakeValue(size);

    /// <summary>The table, if it is not there.</summary>
    public async ValueTask<int> CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await client.CreateTableAsync(new CreateTable(Name, [new ColumnDefinition("id", ColumnType.Int64), new ColumnDefinition("value", ColumnType.Bytes)], "id"), cancellationToken).ConfigureAwait(false);
        }
        catch (TableException e) when (e.Status == TableStatus.TableExists)
        {
        }

        return 0;
    }

    /// <summary>All rows that gets and scans may ask for.</summary>
    public async Task FillAsync(CancellationToken cancellationToken)
    {
        for (var from = 0; from < rows; from += RowsOfWrite)
        {
            var count = Math.Min(RowsOfWrite, rows - from);
            await client.WriteAsync([.. Enumerable.Range(from, count).Select(i => TableOp.Put(Name, RowOf(i), default))], cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask<int> PutAsync()
    {
        await _table.PutAsync(RowOf(Random.Shared.Next(rows))).ConfigureAwait(false);
        return 1;
    }

    public async ValueTask<int> GetAsync() =>
        await _table.GetAsync([CellValue.Of((long)Random.Shared.Next(rows))]).ConfigureAwait(false) is not null ? 1 : throw new DelosException(DelosErrorCode.Internal, "A row that was put is not there.");

    public async ValueTask<int> ScanAsync()
    {
        var from = Random.Shared.Next(Math.Max(1, rows - scanRows + 1));
        var read = 0;
        var options = new ScanOptions { Bounds = KeyBounds.From(CellValue.Of((long)from)), Limit = scanRows };
        await foreach (var page in _table.ScanPagesAsync(options).ConfigureAwait(false)) read += page.Rows.Count;
        return read == Math.Min(scanRows, rows) ? read : throw new DelosException(DelosErrorCode.Internal, $"The scan gave {read} rows.");
    }

    private static CellValue MakeValue(int size)
    {
        var bytes = new byte[size];
        new Random(1).NextBytes(bytes);
        return CellValue.Of(bytes);
    }

    private Row RowOf(int id) => Row.Of(("id", CellValue.Of((long)id)), ("value", _value));
}
