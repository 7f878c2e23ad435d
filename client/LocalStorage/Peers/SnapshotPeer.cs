using System.Buffers;
using System.Text;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Messages;
using Delos.Runtime;

namespace Delos.LocalStorage.Peers;

/// <summary>Asks one node for the snapshots of one log that it keeps. A file comes in chunks of which a few are under way at a time. What comes is held against its checksum, and not trusted otherwise.</summary>
internal sealed class SnapshotPeer(Connection connection, string log, PeerSnapshotsOptions options)
{
    private const long MaxManifestBytes = 16 << 20;

    /// <exception cref="InvalidDataException">The peer's answer makes no sense. Else as <see cref="Connection.RequestAsync{TRequest}(in TRequest, CancellationToken)"/>, and <see cref="TimeoutException"/>.</exception>
    public async ValueTask<List<SnapshotInfo>> ListAsync(CancellationToken cancellationToken)
    {
        using var response = await AskAsync(new SnapshotList(log), options.RequestTimeout, cancellationToken).ConfigureAwait(false);
        Check(response);
        var found = new List<SnapshotInfo>();
        var reader = new MessageReader(response.Payload.ToArray());
        while (!reader.IsComplete && !reader.Failed) found.Add(new SnapshotInfo(reader.Position(), reader.U64()));
        return reader.Failed ? throw new InvalidDataException($"{connection.Peer} lists snapshots that make no sense.") : found;
    }

    /// <summary>Has the node write a snapshot that holds everything below a position, unless it has one.</summary>
    /// <param name="atLeast">The position.</param>
    /// <param name="patience">How long it may take.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">The peer's answer makes no sense. Else as <see cref="ListAsync"/>.</exception>
    public async ValueTask<SnapshotInfo> WriteAsync(long atLeast, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var response = await AskAsync(new SnapshotWrite(log, atLeast), patience, cancellationToken).ConfigureAwait(false);
        if (!response.TryRead<SnapshotWritten>(out var answer)) throw new InvalidDataException($"{connection.Peer} answered with a {response.Type}.");
        return answer.Cursor >= atLeast ? new SnapshotInfo(answer.Cursor, answer.Replica) : throw new InvalidDataException($"{connection.Peer} names a snapshot at {answer.Cursor}, which lacks what is below {atLeast}.");
    }

    /// <exception cref="InvalidDataException">It is damaged, or makes no sense. Else as <see cref="ListAsync"/>.</exception>
    public async ValueTask<SnapshotManifest> ManifestAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        long size;
        using (var response = await AskAsync(new SnapshotRead(log, snapshot.Cursor, snapshot.Replica, "", 0, (uint)options.ChunkBytes), options.RequestTimeout, cancellationToken).ConfigureAwait(false))
        {
            size = Check(response).FileSize;
            if (size > MaxManifestBytes) throw new InvalidDataException($"{connection.Peer} has a manifest of {size} bytes.");
            Take(response.Payload);
        }

        await ReadAsync(snapshot, "", bytes.Length, size, Take, cancellationToken).ConfigureAwait(false);
        return SnapshotManifest.TryParse(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length)) ?? throw new InvalidDataException($"{connection.Peer} has a damaged manifest.");

        void Take(ReadOnlySequence<byte> chunk)
        {
            foreach (var piece in chunk) bytes.Write(piece.Span);
        }
    }

    /// <summary>Hands out the bytes [<paramref name="from"/>, <paramref name="size"/>) of a file, in order, each chunk's valid during the call.</summary>
    /// <exception cref="InvalidDataException">The file is shorter, or longer, or arrived damaged. Else as <see cref="ListAsync"/>.</exception>
    public async ValueTask ReadAsync(SnapshotInfo snapshot, string file, long from, long size, Action<ReadOnlySequence<byte>> take, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var window = new Queue<(long Start, long End, Task<Response> Reply)>();
        var asked = from;
        try
        {
            while (true)
            {
                for (; asked < size && window.Count < options.Window; asked = Math.Min(size, asked + options.ChunkBytes)) window.Enqueue(Ask(asked, Math.Min(size, asked + options.ChunkBytes)));
                if (window.Count == 0) return;
                var (start, end, reply) = window.Dequeue();
                while (start < end)
                {
                    using var response = await reply.ConfigureAwait(false);
                    if (Check(response).FileSize != size) throw new InvalidDataException($"{connection.Peer} has a file '{file}' of another size than its manifest says.");
                    if (response.PayloadLength is var length && (length == 0 || length > end - start)) throw new InvalidDataException($"{connection.Peer} gave {length} bytes of '{file}' where up to {end - start} were asked for.");
                    take(response.Payload);
                    start += length;
                    if (start < end) (_, _, reply) = Ask(start, end);
                }
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            foreach (var (_, _, reply) in window)
            {
                await ((Task)reply).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (reply.IsCompletedSuccessfully) reply.Result.Dispose();
            }
        }

        (long, long, Task<Response>) Ask(long start, long end) => (start, end, AskAsync(new SnapshotRead(log, snapshot.Cursor, snapshot.Replica, file, start, (uint)(end - start)), options.RequestTimeout, ended.Token));
    }

    private async Task<Response> AskAsync<T>(T request, TimeSpan patience, CancellationToken cancellationToken)
        where T : struct, IMessage<T>
    {
        using var deadline = new CancellationTokenSource(patience, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await connection.RequestAsync(request, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{connection.Peer} has not answered for {patience.TotalSeconds:0.#} s.");
        }
    }

    private SnapshotBytes Check(in Response response)
    {
        if (!response.TryRead<SnapshotBytes>(out var answer)) throw new InvalidDataException($"{connection.Peer} answered with a {response.Type}.");
        var crc = Crc32C.Begin();
        foreach (var piece in response.Payload) crc = Crc32C.Append(crc, piece.Span);
        return Crc32C.Finish(crc) == answer.Checksum ? answer : throw new InvalidDataException($"What {connection.Peer} sent arrived damaged.");
    }
}
