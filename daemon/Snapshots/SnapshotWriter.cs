using System.Threading.Channels;
using Delos.Client;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Runtime;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Snapshots;

/// <summary>
/// Has the replica write a snapshot when somebody asks for one that is newer than those that there are, such as for a backup. One at a time, beside the workers of <see cref="SnapshotService"/>: it may take minutes. Thread-safe.
/// </summary>
internal sealed class SnapshotWriter : IAsyncDisposable
{
    /// <summary>Requests that wait; most of them are answered by the snapshot that is being written for another.</summary>
    private const int MaxQueued = 16;

    private readonly string _log;
    private readonly ISnapshotStore _snapshots;
    private readonly ILogger _logger;
    private readonly Channel<Job> _queue = Channel.CreateBounded<Job>(MaxQueued);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _worker;
    private volatile DelosRuntime? _runtime;

    /// <param name="log">Of which log's state.</param>
    /// <param name="snapshots">Where the replica keeps its snapshots.</param>
    /// <param name="logger">For failures of the disk.</param>
    public SnapshotWriter(string log, ISnapshotStore snapshots, ILogger logger)
    {
        _log = log;
        _snapshots = snapshots;
        _logger = logger;
        _worker = WorkAsync();
    }

    /// <summary>Until then only snapshots that are there already are named.</summary>
    public void Attach(DelosRuntime runtime) => _runtime = runtime;

    public void Enqueue(Connection connection, ulong correlationId, in SnapshotWrite request)
    {
        if (!_queue.Writer.TryWrite(new Job(connection, correlationId, request))) connection.ReplyError(StatusCode.Unavailable, "Too many snapshots are waited for, or the node is shutting down.", correlationId);
    }

    /// <summary>To be disposed before the replica.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _worker.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task WorkAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await foreach (var (connection, correlationId, request) in _queue.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            // Whoever gave up has no use for it.
            if (connection.IsClosed) continue;
            try
            {
                if (request.Log != _log) connection.ReplyError(StatusCode.NotFound, "This node keeps no snapshots of that log.", correlationId);
                else if (await WriteAsync(request.AtLeast, _stopping.Token).ConfigureAwait(false) is { } snapshot) connection.Reply(new SnapshotWritten(snapshot.Cursor, snapshot.Replica), correlationId);
                else connection.ReplyError(StatusCode.Unavailable, "The replica wrote no snapshot: another one had another state at last.", correlationId);
            }
            catch (Exception e) when (e is DelosException || _stopping.IsCancellationRequested)
            {
                connection.ReplyError(StatusCode.Unavailable, e.Message, correlationId);
            }
            catch (Exception e)
            {
                // One request's failure must not end the worker: the others would wait for ever.
                _logger.SnapshotNotWritten(e, request.Log);
                connection.ReplyError(e is IOException or UnauthorizedAccessException or InvalidDataException ? StatusCode.IoError : StatusCode.Internal, $"The node failed to write a snapshot: {e.Message}", correlationId);
            }

            connection.Flush();
        }
    }

    /// <summary>Null: the replica does not trust its state.</summary>
    private async Task<SnapshotInfo?> WriteAsync(long atLeast, CancellationToken cancellationToken)
    {
        if (await NewestAsync(atLeast, cancellationToken).ConfigureAwait(false) is { } there) return there;
        var runtime = _runtime ?? throw new DelosException(DelosErrorCode.Unavailable, "The replica is not started.");

        // Only to wait until the replica is there: it must not be held while the state is made durable.
        (await runtime.ReadAsync(ReadLevel.After(atLeast), cancellationToken).ConfigureAwait(false)).Dispose();

        // Off the apply loop, which may be what goes on here.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await runtime.SnapshotAsync(cancellationToken).ConfigureAwait(false);
        return await NewestAsync(atLeast, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SnapshotInfo?> NewestAsync(long atLeast, CancellationToken cancellationToken) =>
        (await _snapshots.ListOwnAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(s => s.Cursor >= atLeast);

    private readonly record struct Job(Connection Connection, ulong CorrelationId, SnapshotWrite Request);
}
