using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Reconfiguration;

/// <summary>
/// Copies a segment into a NativeLoglet that never had a sequencer: its replicas are created sealed and empty, and filled by repair copies, the one way in which a sealed replica takes entries (DESIGN §3, LogServer rules 2 and 3).
/// A replica that fails is left behind; a majority must hold everything. The rest refill themselves once the segment is installed.
/// </summary>
/// <param name="connect">Connects to a node: <c>NodeDirectory.ConnectAsync</c>.</param>
public sealed class ReplicaCopier(LogletConnector connect) : ISegmentCopier
{
    private const int ReadBytes = 512 << 10;

    public async ValueTask CopyAsync(ILogletReader source, long length, LogletConfig target, CancellationToken cancellationToken = default)
    {
        var replicas = await EachAsync(target, [.. target.Replicas], async (replica, connection) =>
        {
            using var response = await connection.RequestAsync(new Seal(target), cancellationToken).ConfigureAwait(false);
            Expect(replica, response.TryRead<SealReply>(out var reply) ? reply.Status : StatusCode.Malformed);
        }, cancellationToken).ConfigureAwait(false);

        for (var position = 0L; position < length;)
        {
            using var read = await source.ReadNextAsync(position, length, length, ReadBytes, cancellationToken).ConfigureAwait(false);
            switch (read.Status)
            {
                case StatusCode.Ok when read.Count == 0:
                    position = length;
                    break;
                case StatusCode.Ok:
                    var (first, count, entries) = (read.First, read.Count, read.Entries!);
                    replicas = await EachAsync(target, replicas, async (replica, connection) =>
                    {
                        entries.Retain();
                        using var response = await connection.RequestAsync(new Repair(target, first, (uint)count), entries, cancellationToken).ConfigureAwait(false);
                        Expect(replica, response.TryRead<RepairReply>(out var reply) ? reply.Status : StatusCode.Malformed);
                    }, cancellationToken).ConfigureAwait(false);
                    position = first + count;
                    break;
                case StatusCode.Trimmed when read.TrimPoint > position:
                    // What was trimmed stays trimmed: the replicas' tails jump there, or the next copy would be out of order.
                    var point = position = Math.Min(read.TrimPoint, length);
                    replicas = await EachAsync(target, replicas, async (replica, connection) =>
                    {
                        using var response = await connection.RequestAsync(new Trim(target.Id, point, point), cancellationToken).ConfigureAwait(false);
                        Expect(replica, !response.TryRead<TrimReply>(out var reply) ? StatusCode.Malformed : reply.Status == StatusCode.Ok && reply.TrimPoint < point ? StatusCode.OutOfOrder : reply.Status);
                    }, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    throw new LogletException(source.Config.Id, read.Status, $"Reading Loglet {source.Config.Id} at {position} was answered with {read.Status}.");
            }
        }
    }

    /// <summary>Does it on all those replicas at once; returns those on which it succeeded.</summary>
    /// <exception cref="LogletException">Less than a majority of the Loglet's replicas.</exception>
    private async ValueTask<List<ReplicaId>> EachAsync(LogletConfig target, List<ReplicaId> replicas, Func<ReplicaId, Connection, Task> act, CancellationToken cancellationToken)
    {
        var failures = await Task.WhenAll(replicas.Select(async replica =>
        {
            try
            {
                await act(replica, await connect(replica.NodeId, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
                return null;
            }
            catch (Exception e) when (e is LogletException or ConnectionLostException or DelosProtocolException or System.Net.Sockets.SocketException)
            {
                return e;
            }
        })).ConfigureAwait(false);
        var good = replicas.Where((_, i) => failures[i] is null).ToList();
        if (good.Count >= target.Quorum) return good;
        throw new LogletException(
            target.Id, StatusCode.Unavailable, $"Only {good.Count} of {target.Replicas.Count} replicas took the copy: {string.Join("; ", failures.Where(static f => f is not null).Select(static f => f!.Message))}");
    }

    private static void Expect(ReplicaId replica, StatusCode status)
    {
        if (status != StatusCode.Ok) throw new DelosProtocolException(status, $"node {replica.NodeId} answered {status}");
    }
}
