using System.Runtime.CompilerServices;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// One attempt of an interactive transaction, <see cref="TableClient.TransactAsync{T}(Func{TableTransaction, ValueTask{T}}, CancellationToken)"/>. All its reads see one moment, and none of its own writes; its writes happen at the
/// commit, all or none, and only if everything that it read would be read the same then. Not thread-safe.
/// </summary>
public sealed class TableTransaction
{
    private readonly OptimisticTransaction _transaction;

    internal TableTransaction(OptimisticTransaction transaction, CancellationToken cancellationToken)
    {
        _transaction = transaction;
        CancellationToken = cancellationToken;
    }

    public CancellationToken CancellationToken { get; }

    /// <summary>Where it reads; null: it has not read yet.</summary>
    public SnapshotId? Snapshot => _transaction.Snapshot;

    /// <summary>The row with that key, or null if there is none.</summary>
    public ValueTask<Row?> GetAsync(string table, params IReadOnlyList<CellValue> key) => _transaction.GetAsync(table, key, CancellationToken);

    /// <summary>Rows in order. What is enumerated of the range, also what the filters leave out, must not change until the commit.</summary>
    public async IAsyncEnumerable<Row> ScanAsync(string table, ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options = (options ?? ScanOptions.All).Validate();
        byte[]? token = null;
        var left = options.Limit == 0 ? long.MaxValue : options.Limit;
        do
        {
            using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, CancellationToken) : null;
            var page = await _transaction.ScanAsync(options.ToQuery(table, token, left), either?.Token ?? CancellationToken).ConfigureAwait(false);
            for (var i = 0; i < page.Rows.Count; i++) yield return page[i];
            left -= page.Rows.Count;
            token = page.Token;
        }
        while (left > 0 && token.Length > 0);
    }

    /// <summary>Adds anything to be done at the commit.</summary>
    public void Add(TableOp op)
    {
        ArgumentNullException.ThrowIfNull(op);
        _transaction.Add(op);
    }

    public void Put(string table, Row row, Expiry expiry = default) => Add(TableOp.Put(table, row, expiry));

    /// <summary>The commit is refused, for good, if there is a row with that key.</summary>
    public void Insert(string table, Row row, Expiry expiry = default) => Add(TableOp.Insert(table, row, expiry));

    /// <summary>The commit is refused, for good, if there is no row with that key.</summary>
    public void Update(string table, IReadOnlyList<CellValue> key, Row changes) => Add(TableOp.Update(table, key, changes));

    public void Delete(string table, params IReadOnlyList<CellValue> key) => Add(TableOp.Delete(table, key));

    /// <summary>The commit is refused, for good, if a condition does not hold then.</summary>
    public void Check(string table, IReadOnlyList<CellValue> key, params IReadOnlyList<Condition> conditions) => Add(TableOp.Check(table, key, conditions));
}
