using System.Runtime.CompilerServices;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>One table, its rows by the names of their columns. Thread-safe. Fails as <see cref="TableClient"/> says.</summary>
public sealed class Table
{
    private readonly TableClient _client;

    internal Table(TableClient client, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _client = client;
        Name = name;
    }

    public string Name { get; }

    /// <summary>The row with that key, or null if there is none. Gets that come while others are under way are asked for together.</summary>
    /// <param name="key">The primary key's values, in its order.</param>
    /// <param name="columns">Names of the columns wanted; null: all.</param>
    /// <param name="level">How fresh; linearizable unless said otherwise.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<VersionedRow?> GetAsync(IReadOnlyList<CellValue> key, IReadOnlyList<string>? columns = null, TableReadLevel level = default, CancellationToken cancellationToken = default) =>
        _client.Gets.GetAsync(Name, key, columns, level, cancellationToken);

    /// <summary>The rows with those keys, all of one moment; null where there is none. At most <see cref="TableLimits.ReadKeys"/>.</summary>
    public async ValueTask<IReadOnlyList<VersionedRow?>> GetManyAsync(IReadOnlyList<IReadOnlyList<CellValue>> keys, IReadOnlyList<string>? columns = null, TableReadLevel level = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var answer = await _client.Reads.AskAsync(new GetRows(Name, keys, columns), level, TableHold.None, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        return FoundRows.Of(answer, keys.Count);
    }

    /// <summary>Writes the whole row, whether there is one or not; columns that it does not name take their default.</summary>
    /// <returns>The row's version now.</returns>
    public ValueTask<RowVersion> PutAsync(Row row, Expiry expiry = default, IReadOnlyList<Condition>? conditions = null, CancellationToken cancellationToken = default) =>
        WriteAsync(TableOp.Put(Name, row, expiry, conditions ?? []), cancellationToken);

    /// <summary>Writes the whole row if there is none with its key.</summary>
    /// <returns>The row's version now.</returns>
    /// <exception cref="TableException">RowExists.</exception>
    public ValueTask<RowVersion> InsertAsync(Row row, Expiry expiry = default, CancellationToken cancellationToken = default) => WriteAsync(TableOp.Insert(Name, row, expiry), cancellationToken);

    /// <summary>As <see cref="InsertAsync"/>, but a row that is there already is an answer, and no exception.</summary>
    /// <returns>Whether it was written, and the version of the row that is there now.</returns>
    public async ValueTask<(bool Inserted, RowVersion Version)> TryInsertAsync(Row row, Expiry expiry = default, CancellationToken cancellationToken = default)
    {
        var (reply, _) = await _client.TryWriteAsync([TableOp.Insert(Name, row, expiry)], cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            TableStatus.Ok => (true, reply.Results[0].Version),
            TableStatus.RowExists => (false, reply.Current),
            _ => throw new TableException(reply.Status, reply.Message, reply),
        };
    }

    /// <summary>Changes some columns of the row.</summary>
    /// <param name="key">The primary key's values, in its order.</param>
    /// <param name="changes">None of the primary key.</param>
    /// <param name="conditions">All must hold.</param>
    /// <param name="expiry">When it expires from now on; default: as before.</param>
    /// <param name="cancellationToken">Ends the wait, not the write.</param>
    /// <returns>The row's version now.</returns>
    /// <exception cref="TableException">NoSuchRow; PreconditionFailed, whose reply has the version that the row has.</exception>
    public ValueTask<RowVersion> UpdateAsync(IReadOnlyList<CellValue> key, Row changes, IReadOnlyList<Condition>? conditions = null, Expiry expiry = default, CancellationToken cancellationToken = default) =>
        WriteAsync(new TableOp(OpKind.Update, Name, key, changes, conditions ?? [], expiry), cancellationToken);

    /// <summary>Deletes the row if there is one.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="TableException">PreconditionFailed.</exception>
    public async ValueTask<bool> DeleteAsync(IReadOnlyList<CellValue> key, IReadOnlyList<Condition>? conditions = null, CancellationToken cancellationToken = default) =>
        !(await _client.WriteAsync([TableOp.Delete(Name, key, conditions ?? [])], cancellationToken).ConfigureAwait(false)).Results[0].Former.IsNone;

    /// <summary>Rows in the order of the primary key or of an index, all of one moment; page by page, as they are asked for.</summary>
    /// <exception cref="TableException">SnapshotExpired: rows came already, and nobody holds the moment that they are of any more: the caller took too long, or the node is gone. Begin anew.</exception>
    public async IAsyncEnumerable<VersionedRow> ScanAsync(ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var page in ScanPagesAsync(options, cancellationToken).ConfigureAwait(false))
        {
            foreach (var row in page.Rows) yield return row;
        }
    }

    /// <summary>As <see cref="ScanAsync"/>, but as pages, which say what moment they are of. At least one.</summary>
    public IAsyncEnumerable<ScanPage> ScanPagesAsync(ScanOptions? options = null, CancellationToken cancellationToken = default) =>
        PageReader.ReadAsync(_client.Reads, Name, (options ?? ScanOptions.All).Validate(), cancellationToken);

    /// <summary>
    /// Changes in the order of the log, then new ones as they happen, until cancelled. Goes on at another node when one fails, without a gap and without showing anything twice, for as long as it takes.
    /// </summary>
    /// <exception cref="TableException">UnknownTable: there is none, or it was dropped, also if another one has its name now. SnapshotExpired: changes after that position are not all kept any more, or are those of a table that had the name before; scan the table, then watch from the scan's snapshot on.</exception>
    public IAsyncEnumerable<TableChange> WatchAsync(WatchOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeWatcher.WatchAsync(_client.Reads, Name, options ?? WatchOptions.FromNow, _client.Options, cancellationToken);

    /// <exception cref="TableException">UnknownTable.</exception>
    public ValueTask<TableDescription> DescribeAsync(TableReadLevel level = default, CancellationToken cancellationToken = default) => _client.DescribeTableAsync(Name, level, cancellationToken);

    private async ValueTask<RowVersion> WriteAsync(TableOp op, CancellationToken cancellationToken)
    {
        var (reply, _) = await _client.Writes.ProposeAsync(new Transact([op]), cancellationToken).ConfigureAwait(false);
        return reply.IsOk ? reply.Results[0].Version : throw new TableException(reply.Status, reply.Message, reply);
    }
}
