using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Reconfiguration;

/// <summary>Opens Loglets on the nodes that shall sequence them, all stripes at once.</summary>
/// <param name="connect">Connects to a node: <c>NodeDirectory.ConnectAsync</c>.</param>
public sealed class SequencerOpener(LogletConnector connect) : ILogletOpener
{
    public async ValueTask<OpenResult> OpenAsync(LogletConfig config, CancellationToken patience)
    {
        var results = await Task.WhenAll(config.Parts.Select(async p => new OpenResult(await OpenPartAsync(p, patience).ConfigureAwait(false), p.SequencerNode))).ConfigureAwait(false);
        return results.FirstOrDefault(static r => r.Status != StatusCode.Ok);
    }

    private async Task<StatusCode> OpenPartAsync(LogletConfig config, CancellationToken patience)
    {
        try
        {
            var connection = await connect(config.SequencerNode, patience).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new OpenLoglet(config), patience).ConfigureAwait(false);
            return response.TryRead<OpenLogletReply>(out var reply) ? reply.Status : StatusCode.Malformed;
        }
        catch (DelosProtocolException e)
        {
            return e.Code;
        }
        catch (Exception e) when (e is ConnectionLostException or System.Net.Sockets.SocketException or OperationCanceledException)
        {
            return StatusCode.Unavailable;
        }
    }
}
