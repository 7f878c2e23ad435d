using System.Runtime.CompilerServices;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Client.Tables;

/// <summary>One attempt at one node: connect, ask, and tell what a failure means. Thread-safe.</summary>
/// <param name="nodes">Where the nodes are.</param>
/// <param name="usualTimeout">Of most attempts: they share a deadline.</param>
/// <param name="timeProvider">The client's clock.</param>
internal sealed class NodeAttempts(TableNodes nodes, TimeSpan usualTimeout, TimeProvider timeProvider)
{
    private readonly SharedDeadline _usual = new(usualTimeout, timeProvider);

    /// <summary>The answer, or why there is none; exactly one of them. To be awaited once.</summary>
    /// <param name="node">Who is asked.</param>
    /// <param name="request">What.</param>
    /// <param name="timeout">After which the attempt is given up; up to <see cref="SharedDeadline.Window"/> later if it is the usual one.</param>
    /// <param name="isSentAtOnce">Also while others are under way; otherwise it waits for those that come at the same time (<see cref="RequestBurst"/>).</param>
    /// <param name="cancellationToken">The caller's.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(TReply Reply, AttemptFailure? Failure)> AskAsync<TRequest, TReply>(uint node, TRequest request, TimeSpan timeout, bool isSentAtOnce, CancellationToken cancellationToken)
        where TRequest : struct, IMessage<TRequest>
        where TReply : struct, IReadableMessage<TReply>
    {
        using var own = timeout != usualTimeout || cancellationToken.CanBeCanceled ? Deadline.After(timeout, cancellationToken) : null;
        var token = own?.Token ?? _usual.Begin();
        NodeLink link;
        try
        {
            link = nodes.Link(node) ?? await nodes.LinkAsync(node, token).ConfigureAwait(false);
        }
        catch (Exception e) when (AttemptFailure.IsOne(e) || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (default, Failed(node, AttemptFailure.OfDial(node, e)));
        }

        AttemptFailure failure;
        var isAlone = link.Burst.Begin();
        try
        {
            var asking = link.Connection.EnqueueRequestAsync(request, [], token);
            link.Burst.Flush(isAlone || isSentAtOnce);
            using var response = await asking.ConfigureAwait(false);
            if (response.TryRead<TReply>(out var reply))
            {
                nodes.Answered(node);
                return (reply, null);
            }

            failure = new AttemptFailure(FailureKind.Lost, DelosErrorCode.Protocol, $"node {node} answered a {TRequest.Type} with something else ({response.Type})");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            failure = AttemptFailure.OfTimeout(node);
        }
        catch (DelosProtocolException e) when (e.Code == Protocol.Framing.StatusCode.LimitExceeded && request.Size > link.Connection.Peer.Limits.MaxFrameBytes / 2)
        {
            failure = new AttemptFailure(FailureKind.Final, DelosErrorCode.LimitExceeded, e.Message);
        }
        catch (Exception e) when (AttemptFailure.IsOne(e))
        {
            failure = AttemptFailure.OfRequest(node, e);
        }
        finally
        {
            link.Burst.End();
        }

        return (default, Failed(node, failure));
    }

    private AttemptFailure Failed(uint node, in AttemptFailure failure)
    {
        if (failure.Kind is not (FailureKind.Busy or FailureKind.Final)) nodes.Failed(node);
        return failure;
    }
}
