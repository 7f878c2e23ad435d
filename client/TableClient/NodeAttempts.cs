using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Client.Tables;

/// <summary>One attempt at one node: connect, ask, and tell what a failure means. Thread-safe.</summary>
internal sealed class NodeAttempts(TableNodes nodes)
{
    /// <summary>The answer, or why there is none; exactly one of them.</summary>
    /// <param name="node">Who is asked.</param>
    /// <param name="request">What.</param>
    /// <param name="timeout">After which the attempt is given up.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async ValueTask<(TReply Reply, AttemptFailure? Failure)> AskAsync<TRequest, TReply>(uint node, TRequest request, TimeSpan timeout, CancellationToken cancellationToken)
        where TRequest : struct, IMessage<TRequest>
        where TReply : struct, IMessage<TReply>
    {
        var (reply, failure) = await SendAsync<TRequest, TReply>(node, request, timeout, cancellationToken).ConfigureAwait(false);
        if (failure is null) nodes.Answered(node);
        else if (failure is { Kind: not (FailureKind.Busy or FailureKind.Final) }) nodes.Failed(node);
        return (reply, failure);
    }

    private async ValueTask<(TReply Reply, AttemptFailure? Failure)> SendAsync<TRequest, TReply>(uint node, TRequest request, TimeSpan timeout, CancellationToken cancellationToken)
        where TRequest : struct, IMessage<TRequest>
        where TReply : struct, IMessage<TReply>
    {
        using var deadline = Deadline.After(timeout, cancellationToken);
        Connection connection;
        try
        {
            connection = await nodes.ConnectAsync(node, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (AttemptFailure.IsOne(e) || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (default, AttemptFailure.OfDial(node, e));
        }

        var burst = RequestBurst.Of(connection);
        var isAlone = burst.Begin();
        try
        {
            var asking = connection.EnqueueRequestAsync(request, [], deadline.Token);
            burst.Flush(isAlone);
            using var response = await asking.ConfigureAwait(false);
            if (response.TryRead<TReply>(out var reply)) return (reply, null);
            return (default, new AttemptFailure(FailureKind.Lost, DelosErrorCode.Protocol, $"node {node} answered a {TRequest.Type} with something else ({response.Type})"));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, AttemptFailure.OfTimeout(node));
        }
        catch (DelosProtocolException e) when (e.Code == Protocol.Framing.StatusCode.LimitExceeded && request.Size > connection.Peer.Limits.MaxFrameBytes / 2)
        {
            return (default, new AttemptFailure(FailureKind.Final, DelosErrorCode.LimitExceeded, e.Message));
        }
        catch (Exception e) when (AttemptFailure.IsOne(e))
        {
            return (default, AttemptFailure.OfRequest(node, e));
        }
        finally
        {
            burst.End();
        }
    }
}
