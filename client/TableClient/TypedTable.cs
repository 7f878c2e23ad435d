using System.Runtime.CompilerServices;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>One table, its rows as objects. Thread-safe. Fails as <see cref="TableClient"/> says, and with what the map throws.</summary>
public sealed class Table<T>
{
    private readonly RowMap<T> _map;

    internal Table(Table rows, RowMap<T> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        Rows = rows;
        _map = map;
    }

    /// <summary>The same table by the names of its columns, for what objects cannot say.</summary>
    public Table Rows { get; }

    /// <inheritdoc cref="Table.GetAsync"/>
    public async ValueTask<Versioned<T>?> GetAsync(IReadOnlyList<CellValue> key, TableReadLevel level = default, CancellationToken cancellationToken = default) =>
        await Rows.GetAsync(key, _map.Columns, level, cancellationToken).ConfigureAwait(false) is { } row ? _map.FromRow(row) : null;

    /// <inheritdoc cref="Table.GetManyAsync"/>
    public async ValueTask<IReadOnlyList<Versioned<T>?>> GetManyAsync(IReadOnlyList<IReadOnlyList<CellValue>> keys, TableReadLevel level = default, CancellationToken cancellationToken = default) =>
        [.. (await Rows.GetManyAsync(keys, _map.Columns, level, cancellationToken).ConfigureAwait(false)).Select(row => row is null ? null : _map.FromRow(row))];

    /// <inheritdoc cref="Table.PutAsync"/>
    public ValueTask<RowVersion> PutAsync(T value, Expiry expiry = default, IReadOnlyList<Condition>? conditions = null, CancellationToken cancellationToken = default) =>
        Rows.PutAsync(_map.ToRow(value), expiry, conditions, cancellationToken);

    /// <inheritdoc cref="Table.InsertAsync"/>
    public ValueTask<RowVersion> InsertAsync(T value, Expiry expiry = default, CancellationToken cancellationToken = default) => Rows.InsertAsync(_map.ToRow(value), expiry, cancellationToken);

    /// <inheritdoc cref="Table.TryInsertAsync"/>
    public ValueTask<(bool Inserted, RowVersion Version)> TryInsertAsync(T value, Expiry expiry = default, CancellationToken cancellationToken = default) => Rows.TryInsertAsync(_map.ToRow(value), expiry, cancellationToken);

    /// <inheritdoc cref="Table.DeleteAsync"/>
    public ValueTask<bool> DeleteAsync(IReadOnlyList<CellValue> key, IReadOnlyList<Condition>? conditions = null, CancellationToken cancellationToken = default) => Rows.DeleteAsync(key, conditions, cancellationToken);

    /// <inheritdoc cref="Table.ScanAsync"/>
    /// <param name="options">Its columns do not matter: they are those of the map.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<Versioned<T>> ScanAsync(ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var row in Rows.ScanAsync((options ?? ScanOptions.All) with { Columns = _map.Columns }, cancellationToken).ConfigureAwait(false)) yield return _map.FromRow(row);
    }

    /// <inheritdoc cref="Table.WatchAsync"/>
    /// <returns>Each change, with the object that its row is now; none if the row is gone.</returns>
    public async IAsyncEnumerable<(TableChange Change, Versioned<T>? Now)> WatchAsync(WatchOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var change in Rows.WatchAsync(options, cancellationToken).ConfigureAwait(false)) yield return (change, change.Row is { } row ? _map.FromRow(row) : null);
    }
}
