using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// The door to the tables of a cluster. Any node with the role table reads and writes; the client stays with one and goes to another when it fails. Each write is applied once, also when it had to be sent again. Thread-safe; make one
/// per process and keep it.
/// </summary>
/// <remarks>
/// What the tables refuse is a <see cref="TableException"/>. What the cluster cannot do is a <see cref="DelosException"/>: Unavailable (for a write: it was not applied, and never will be), OutcomeUnknown (it may be applied, also
/// later), LimitExceeded.
/// </remarks>
public sealed partial class TableClient : ITableEndpoint, IAsyncDisposable
{
    private readonly DelosClient _client;
    private readonly bool _ownsClient;
    private readonly TableNodes _nodes;
    private readonly TableReads _reads;
    private readonly TableWrites _writes;

    private TableClient(DelosClient client, bool ownsClient, TableClientOptions options)
    {
        _client = client;
        _ownsClient = ownsClient;
        Options = options;
        var directory = client.Nodes ?? throw new ArgumentException("The client has no cluster of nodes.", nameof(client));
        _nodes = new TableNodes(directory, client.Options.TimeProvider, options.PreferSequencer);
        var attempts = new NodeAttempts(_nodes, options.AttemptTimeout, client.Options.TimeProvider);
        _reads = new TableReads(_nodes, attempts, options, client.Options.TimeProvider);
        Gets = new GatheredGets(_reads);
        _writes = new TableWrites(_nodes, attempts, options, client.Options.TimeProvider);
    }

    public TableClientOptions Options { get; }

    /// <summary>First log position behind this client's last write that was answered: a read at <see cref="TableReadLevel.After"/> it sees all of them. 0 before the first.</summary>
    public long Position => _writes.Position;

    /// <summary>Whom it would ask now; 0: nobody is known.</summary>
    internal uint Node => _nodes.Next([], out _);

    /// <summary>Makes a client over another one's connections, without touching the network. That one is not disposed with it.</summary>
    public static TableClient Connect(DelosClient client, TableClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return new TableClient(client, ownsClient: false, (options ?? TableClientOptions.Default).Validate());
    }

    /// <summary>Makes a client with connections of its own, without touching the network.</summary>
    /// <param name="endpoints"><c>delos://host1:port,host2:port</c>: the MetaStore nodes, or some of them.</param>
    /// <param name="options">Default: <see cref="TableClientOptions.Default"/>.</param>
    /// <exception cref="FormatException">The endpoints are not such a list.</exception>
    public static TableClient Connect(string endpoints, TableClientOptions? options = null) =>
        new(DelosClient.Connect(endpoints), ownsClient: true, (options ?? TableClientOptions.Default).Validate());

    /// <summary>A table by its name, rows by the names of their columns. Touches nothing until it is used.</summary>
    public Table Table(string name) => new(this, name);

    /// <summary>A table by its name, rows as objects.</summary>
    public Table<T> Table<T>(string name, RowMap<T> map) => new(Table(name), map);

    /// <summary>Does operations of which all happen or none, on any tables: one entry of the log.</summary>
    /// <exception cref="TableException">One was refused, and nothing was done; the exception's reply says which.</exception>
    /// <exception cref="DelosException">Unavailable, OutcomeUnknown, LimitExceeded.</exception>
    public async ValueTask<WriteResult> WriteAsync(IReadOnlyList<TableOp> ops, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ops);
        var (reply, next) = await _writes.ProposeAsync(new Transact(ops), cancellationToken).ConfigureAwait(false);
        return reply.IsOk ? new WriteResult(reply.Results, next) : throw new TableException(reply.Status, reply.Message, reply);
    }

    /// <summary>As <see cref="WriteAsync"/>, but a refusal is an answer, and no exception.</summary>
    /// <exception cref="DelosException">Unavailable, OutcomeUnknown, LimitExceeded.</exception>
    public async ValueTask<(TableReply Reply, long Next)> TryWriteAsync(IReadOnlyList<TableOp> ops, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ops);
        return await _writes.ProposeAsync(new Transact(ops), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Runs an interactive transaction until it commits, at most <see cref="TableClientOptions.TransactionAttempts"/> times: it reads at one moment, keeps its writes to itself, and commits all of them if nothing that it read has changed.
    /// Those that commit are serializable, in the order of their places in the log.
    /// </summary>
    /// <param name="body">Reads and adds writes; is run anew for each attempt, so it should do nothing else.</param>
    /// <param name="cancellationToken">Between and during attempts.</param>
    /// <returns>What the body returned in the attempt that committed.</returns>
    /// <exception cref="TableException">Refused for good, or Conflict as often as there were attempts; nothing was written.</exception>
    /// <exception cref="DelosException">Unavailable: nothing was written. OutcomeUnknown: the last attempt may have committed, or may yet.</exception>
    public ValueTask<T> TransactAsync<T>(Func<TableTransaction, ValueTask<T>> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        return TransactionRunner.RunAsync(_reads, _writes, Options.TransactionAttempts, body, cancellationToken);
    }

    /// <inheritdoc cref="TransactAsync{T}(Func{TableTransaction, ValueTask{T}}, CancellationToken)"/>
    public async ValueTask TransactAsync(Func<TableTransaction, ValueTask> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        await TransactAsync(
            async transaction =>
            {
                await body(transaction).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks anything. A refusal is an answer, and no exception. A query that names a snapshot, or has a paging token, is for <see cref="Table.ScanAsync"/> and transactions, which know the node that holds it.</summary>
    /// <exception cref="DelosException">Unavailable: no node could answer in time.</exception>
    public async ValueTask<QueryReply> QueryAsync(TableQuery query, TableReadLevel level = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        return (await _reads.AskAsync(query, level, TableHold.None, TimeSpan.Zero, cancellationToken).ConfigureAwait(false)).Reply;
    }

    /// <summary>Has any command applied. A refusal is an answer, and no exception.</summary>
    /// <exception cref="DelosException">Unavailable, OutcomeUnknown, LimitExceeded.</exception>
    public async ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return (await _writes.ProposeAsync(command, cancellationToken).ConfigureAwait(false)).Reply;
    }

    ValueTask<QueryReply> ITableEndpoint.QueryAsync(TableQuery query, CancellationToken cancellationToken) => QueryAsync(query, TableReadLevel.Linearizable, cancellationToken);

    ValueTask<TableReply> ITableEndpoint.ProposeAsync(TableCommand command, CancellationToken cancellationToken) => ProposeAsync(command, cancellationToken);

    /// <summary>Closes the connections, unless they are another client's.</summary>
    public ValueTask DisposeAsync() => _ownsClient ? _client.DisposeAsync() : ValueTask.CompletedTask;

    internal TableReads Reads => _reads;

    internal TableWrites Writes => _writes;

    internal GatheredGets Gets { get; }

    /// <summary>The result of a query that must succeed.</summary>
    internal async ValueTask<T> AskAsync<T>(TableQuery query, TableReadLevel level, CancellationToken cancellationToken)
        where T : QueryResult => Expect<T>((await _reads.AskAsync(query, level, TableHold.None, TimeSpan.Zero, cancellationToken).ConfigureAwait(false)).Reply);

    /// <summary>What an answer must be.</summary>
    internal static T Expect<T>(QueryReply reply)
        where T : QueryResult => reply.Result as T ?? throw new TableException(reply.Status, reply.Message);
}
