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
        for (var patience = options.FirstDialTimeout; ; patience = options.RedialTimeout)
        {
            var (connection, problem) = await DialAsync(config.SequencerNode, patience, cancellationToken).ConfigureAwait(false);
            if (connection is null) return $"node {config.SequencerNode} {problem}";
            if (connection.Peer.Incarnation != config.Incarnation) return $"node {config.SequencerNode} was restarted and sequences this Loglet no more";
            await UntilClosedAsync(connection, cancellationToken).ConfigureAwait(false);
            if (connection.CloseReason is ConnectionLostException { IsSilence: true }) return $"node {config.SequencerNode} is silent";
        }
    }

    /// <summary>Whether a sequencer that was taken for lost is so still. True at once if it refuses or was restarted.</summary>
    public async ValueTask<bool> IsGoneAsync(LogletConfig config, CancellationToken cancellationToken)
    {
        var (connection, _) = await DialAsync(config.SequencerNode, options.FirstDialTimeout, cancellationToken).ConfigureAwait(false);
        return connection is null || connection.Peer.Incarnation != config.Incarnation;
    }

    /// <summary>A connection, or why there is none: refused, which nobody needs to hear twice, or nothing came of it for as long as <paramref name="patience"/> says.</summary>
    private async Task<(Connection? Connection, string Problem)> DialAsync(uint node, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(patience, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var problem = "gives no answer";
        while (true)
        {
            try
            {
                return (await nodes.ConnectAsync(node, either.Token).ConfigureAwait(false), "");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return (null, problem);
            }
            catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
            {
                problem = $"cannot be reached: {e.Message}";
                if (e is not ConnectionLostException { IsRefused: false }) return (null, problem);
            }

            await Task.Delay(options.FirstRetry, timeProvider, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task UntilClosedAsync(Connection connection, CancellationToken cancellationToken)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = connection.Closed.UnsafeRegister(static s => ((TaskCompletionSource)s!).TrySetResult(), closed).ConfigureAwait(false);
        await closed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }
}
