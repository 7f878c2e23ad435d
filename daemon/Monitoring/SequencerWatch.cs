using System.Net.Sockets;
using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;

namespace Delos.Daemon.Monitoring;

/// <summary>Holds a connection to the sequencer of one segment, and tells when it is gone.</summary>
/// <remarks>
/// The connection's heartbeats find silence, which is acted on as it is; a broken connection is dialled again at once. Refused, or answered by another incarnation of the node: the sequencer that the segment names will never
/// come back, so nothing is waited for.
/// </remarks>
internal sealed class SequencerWatch(NodeDirectory nodes, MonitorOptions options, TimeProvider timeProvider)
{
    /// <summary>Returns once the sequencer is gone, with the reason.</summary>
    public async Task<string> UntilGoneAsync(LogletConfig config, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var timeout = new CancellationTokenSource(options.RedialTimeout, timeProvider);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            Connection connection;
            try
            {
                connection = await nodes.ConnectAsync(config.SequencerNode, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return $"node {config.SequencerNode} gives no answer";
            }
            catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
            {
                return $"node {config.SequencerNode} cannot be reached: {e.Message}";
            }

            if (connection.Peer.Incarnation != config.Incarnation) return $"node {config.SequencerNode} was restarted and sequences this Loglet no more";
            await UntilClosedAsync(connection, cancellationToken).ConfigureAwait(false);
            if (connection.CloseReason is ConnectionLostException { IsSilence: true }) return $"node {config.SequencerNode} is silent";
        }
    }

    private static async Task UntilClosedAsync(Connection connection, CancellationToken cancellationToken)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = connection.Closed.UnsafeRegister(static s => ((TaskCompletionSource)s!).TrySetResult(), closed).ConfigureAwait(false);
        await closed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }
}
