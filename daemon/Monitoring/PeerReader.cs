using System.Net.Sockets;
using Delos.Client.MetaStore;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Monitoring;

/// <summary>What a peer gave. Dispose releases the entries.</summary>
/// <param name="Status">Ok, or why the last peer asked gave nothing.</param>
/// <param name="First">Position of the first entry; when Trimmed: the peer's trim point.</param>
/// <param name="Count">Entries; 0: nothing in the range.</param>
/// <param name="Entries">Null without entries.</param>
/// <param name="Problem">In words, unless Ok.</param>
internal readonly record struct PeerChunk(StatusCode Status, long First, uint Count, RetainedPayload? Entries, string Problem) : IDisposable
{
    public void Dispose() => Entries?.Release();
}

/// <summary>Reads a Loglet's entries from the other replicas, one after the other until one has them.</summary>
internal sealed class PeerReader(NodeDirectory nodes, uint me, RefillOptions options, TimeProvider timeProvider)
{
    private int _turn;

    /// <param name="config">Whose replicas are asked.</param>
    /// <param name="min">First position wanted.</param>
    /// <param name="max">First one not wanted.</param>
    /// <param name="bound">A global tail that was told, or the stop of the installed chain: never a computed tail (DESIGN §3, LogServer rule 4).</param>
    public async ValueTask<PeerChunk> ReadAsync(LogletConfig config, long min, long max, long bound, CancellationToken cancellationToken)
    {
        var problem = "it has no other replica";
        var status = StatusCode.Unavailable;
        var replicas = config.Replicas;
        for (var i = 0; i < replicas.Count; i++)
        {
            var node = replicas[(_turn + i) % replicas.Count].NodeId;
            if (node == me) continue;
            using var timeout = new CancellationTokenSource(options.ReadTimeout, timeProvider);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            try
            {
                var connection = await nodes.ConnectAsync(node, either.Token).ConfigureAwait(false);
                using var response = await connection.RequestAsync(new Read(config.Id, min, max, bound, (uint)options.ChunkBytes, ForRepair: false), either.Token).ConfigureAwait(false);
                if (!response.TryRead<ReadReply>(out var reply))
                {
                    problem = $"node {node} answered nonsense";
                    continue;
                }

                // Stay with a peer that answers.
                if (reply.Status == StatusCode.Ok)
                {
                    _turn = (_turn + i) % replicas.Count;
                    return new PeerChunk(StatusCode.Ok, reply.First, reply.Count, reply.Count > 0 ? response.RetainPayload() : null, "");
                }

                (status, problem) = (reply.Status, $"node {node} answered {reply.Status}");
                if (reply.Status == StatusCode.Trimmed) return new PeerChunk(StatusCode.Trimmed, reply.TrimPoint, 0, null, problem);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                problem = $"node {node} gave no answer";
            }
            catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
            {
                problem = $"node {node}: {e.Message}";
            }
        }

        return new PeerChunk(status, 0, 0, null, problem);
    }
}
