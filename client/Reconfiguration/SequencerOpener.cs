using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Reconfiguration;

/// <summary>Opens NativeLoglets on the node that shall sequence them.</summary>
/// <param name="connect">Connects to a node: <c>NodeDirectory.ConnectAsync</c>.</param>
public sealed class SequencerOpener(LogletConnector connect) : ILogletOpener
{
    public async ValueTask<StatusCode> OpenAsync(LogletConfig config, CancellationToken cancellationToken = default)
    {
        try
        {
            var connection = await connect(config.SequencerNode, cancellationToken).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new OpenLoglet(config), cancellationToken).ConfigureAwait(false);
            return response.TryRead<OpenLogletReply>(out var reply) ? reply.Status : StatusCode.Malformed;
        }
        catch (DelosProtocolException e)
        {
            return e.Code;
        }
        catch (Exception e) when (e is ConnectionLostException or System.Net.Sockets.SocketException)
        {
            return StatusCode.Unavailable;
        }
    }
}
