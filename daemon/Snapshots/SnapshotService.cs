using System.Threading.Channels;
using Delos.LocalStorage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Runtime;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Snapshots;

/// <summary>
/// Gives the snapshots that this node has written to others who need one (<see cref="PeerSnapshots"/>), in chunks, on a few workers of its own: they block on the disk, which no connection's read loop may. Thread-safe.
/// </summary>
internal sealed class SnapshotService : IFrameHandler, IAsyncDisposable
{
    /// <summary>Of the peer's largest frame, what is kept for header and metadata.</summary>
    private const int FrameRoom = 256;

    private readonly Func<string, DirectorySnapshots?> _snapshotsOf;
    private readonly SnapshotServiceOptions _options;
    private readonly ILogger _logger;
    private readonly SnapshotWriter? _writer;
    private readonly Channel<Job> _queue;
    private readonly Task[] _workers;

    /// <param name="snapshotsOf">Where the node keeps its snapshots of that log's state; null: it keeps none.</param>
    /// <param name="options">Its limits.</param>
    /// <param name="logger">For failures of the disk.</param>
    /// <param name="writer">Writes new ones when asked to; null: none are written here. Disposed with the service.</param>
    public SnapshotService(Func<string, DirectorySnapshots?> snapshotsOf, SnapshotServiceOptions options, ILogger logger, SnapshotWriter? writer = null)
    {
        _writer = writer;
        _snapshotsOf = snapshotsOf;
        _options = options;
        _logger = logger;
        _queue = Channel.CreateBounded<Job>(new BoundedChannelOptions(options.MaxQueued) { FullMode = BoundedChannelFullMode.Wait });
        _workers = [.. Enumerable.Range(0, options.Workers).Select(_ => WorkAsync())];
    }

    /// <summary>SnapshotList, SnapshotRead or SnapshotWrite; others are ignored.</summary>
    public void OnFrame(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.SnapshotList when frame.TryRead<SnapshotList>(out var list):
                Enqueue(new Job(connection, frame.CorrelationId, list.Log, null));
                break;
            case FrameType.SnapshotRead when frame.TryRead<SnapshotRead>(out var read):
                Enqueue(new Job(connection, frame.CorrelationId, read.Log, read));
                break;
            case FrameType.SnapshotWrite when _writer is null:
                connection.ReplyError(StatusCode.NotServed, "This node writes no snapshots.", frame.CorrelationId);
                break;
            case FrameType.SnapshotWrite when frame.TryRead<SnapshotWrite>(out var write):
                _writer.Enqueue(connection, frame.CorrelationId, write);
                break;
            case FrameType.SnapshotList or FrameType.SnapshotRead or FrameType.SnapshotWrite:
                connection.ReplyError(StatusCode.Malformed, $"The {frame.Type} frame's metadata are not such a message.", frame.CorrelationId);
                break;
        }
    }

    /// <summary>Nothing to do: answers are flushed by the workers.</summary>
    public void OnBatchEnd(Connection connection)
    {
    }

    /// <summary>Nothing to do: answers to a closed connection are dropped by it.</summary>
    public void OnClosed(Connection connection, Exception? reason)
    {
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        if (_writer is not null) await _writer.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_workers).ConfigureAwait(false);
    }

    private void Enqueue(in Job job)
    {
        if (!_queue.Writer.TryWrite(job)) job.Connection.ReplyError(StatusCode.Unavailable, "Too many requests are waiting for the disk, or the node is shutting down.", job.CorrelationId);
    }

    private async Task WorkAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await foreach (var job in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (job.Connection.IsClosed) continue;
            try
            {
                if (_snapshotsOf(job.Log) is not { } snapshots) job.Fail(StatusCode.NotFound, "This node keeps no snapshots of that log.");
                else if (job.Read is { } read) Read(job, snapshots, read);
                else await ListAsync(job, snapshots).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // One request's failure must not end the worker: the others would wait for ever.
                _logger.SnapshotReadFailed(e, job.Log);
                job.Fail(e is IOException or UnauthorizedAccessException ? StatusCode.IoError : StatusCode.Internal, "The node failed to read its snapshots; its log says more.");
            }

            job.Connection.Flush();
        }
    }

    private static async ValueTask ListAsync(Job job, DirectorySnapshots snapshots)
    {
        var found = await snapshots.ListAsync(CancellationToken.None).ConfigureAwait(false);
        job.Answer(Encode(found), found.Count * SnapshotList.ItemSize);
    }

    private static RetainedPayload Encode(IReadOnlyList<SnapshotInfo> found)
    {
        var bytes = new byte[found.Count * SnapshotList.ItemSize];
        var writer = new MessageWriter(bytes);
        foreach (var (cursor, replica) in found)
        {
            writer.I64(cursor);
            writer.U64(replica);
        }

        return RetainedPayload.Copy(bytes);
    }

    private void Read(in Job job, DirectorySnapshots snapshots, in SnapshotRead read)
    {
        if (read.Length == 0)
        {
            job.Fail(StatusCode.LimitExceeded, "At least one byte must be asked for.");
            return;
        }

        if (read.File.Length > 0 && !SnapshotFile.IsSafe(read.File))
        {
            job.Fail(StatusCode.Malformed, "The file's name leaves the snapshot's directory.");
            return;
        }

        using var file = snapshots.TryOpen(new SnapshotInfo(read.Cursor, read.Replica), read.File);
        if (file is null)
        {
            job.Fail(StatusCode.NotFound, $"This node has no such file of a snapshot at {read.Cursor} of replica {read.Replica}.");
            return;
        }

        var size = RandomAccess.GetLength(file);
        var room = Math.Min(_options.MaxChunkBytes, job.Connection.Peer.Limits.MaxFrameBytes - FrameRoom);
        var length = (int)Math.Max(0, Math.Min(Math.Min(read.Length, (uint)room), size - read.Offset));
        var payload = RetainedPayload.Create();
        try
        {
            for (var done = 0; done < length;)
            {
                var block = BlockPool.Shared.Take();
                try
                {
                    var got = RandomAccess.Read(file, block.GetSpan()[..Math.Min(Block.Size, length - done)], read.Offset + done);
                    if (got == 0) break;
                    payload.Append(block, 0, got);
                    done += got;
                }
                finally
                {
                    block.Release();
                }
            }
        }
        catch
        {
            payload.Release();
            throw;
        }

        job.Answer(payload, size);
    }

    private readonly record struct Job(Connection Connection, ulong CorrelationId, string Log, SnapshotRead? Read)
    {
        public void Fail(StatusCode code, string text) => Connection.ReplyError(code, text, CorrelationId);

        public void Answer(RetainedPayload payload, long size)
        {
            var crc = Crc32C.Begin();
            for (var i = 0; i < payload.SegmentCount; i++) crc = Crc32C.Append(crc, payload.GetSpan(i));
            Connection.Reply(new SnapshotBytes(size, Crc32C.Finish(crc)), payload, CorrelationId);
        }
    }
}
