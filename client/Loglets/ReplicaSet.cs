using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>Requests to the replicas and the sequencer of one Loglet, each with its time limit. Thread-safe.</summary>
internal sealed class ReplicaSet(LogletConfig config, LogletConnector connect, Func<uint, bool> isLost, LogletOptions options, TimeProvider time)
{
    public LogletConfig Config => config;

    public int Count => config.Replicas.Count;

    /// <summary>The replica's node was out of reach a moment ago.</summary>
    public bool IsLost(int replica) => isLost(config.Replicas[replica].NodeId);

    /// <summary>A connection to the replica, on the very disk that the config names: the same node with another disk is another replica (trap 8).</summary>
    public async ValueTask<Connection> ConnectAsync(int replica, CancellationToken cancellationToken)
    {
        var id = config.Replicas[replica];
        var connection = await connect(id.NodeId, cancellationToken).ConfigureAwait(false);
        if (connection.Peer.DiskId == id.DiskId) return connection;
        throw new DelosProtocolException(StatusCode.WrongNode, $"Node {id.NodeId} has the disk {connection.Peer.DiskId} by now; the Loglet is on {id.DiskId}.");
    }

    /// <summary>A connection to the sequencer, if it is the incarnation named in the config (trap 7).</summary>
    public async ValueTask<Connection> ConnectSequencerAsync(CancellationToken cancellationToken)
    {
        var connection = await connect(config.SequencerNode, cancellationToken).ConfigureAwait(false);
        if (connection.Peer.Incarnation == config.Incarnation) return connection;
        throw new DelosProtocolException(StatusCode.WrongIncarnation, $"Node {config.SequencerNode} has started again since it sequenced Loglet {config.Id}.");
    }

    /// <summary>Asks one replica. Throws whatever went wrong, <see cref="TimeoutException"/> if it took too long.</summary>
    public async ValueTask<Response> AskAsync<T>(int replica, T message, RetainedPayload? payload, CancellationToken cancellationToken)
        where T : struct, IMessage<T>
    {
        using var limit = new TimeLimit(options.RequestTimeout, time, cancellationToken);
        try
        {
            var connection = await ConnectAsync(replica, limit.Token).ConfigureAwait(false);
            var request = payload is null ? connection.RequestAsync(message, limit.Token) : connection.RequestAsync(message, Take(ref payload), limit.Token);
            return await request.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Node {config.Replicas[replica].NodeId} did not answer a {T.Type} within {options.RequestTimeout.TotalSeconds} s.");
        }
        finally
        {
            payload?.Release();
        }
    }

    /// <summary>Asks one replica for a reply without payload.</summary>
    public async ValueTask<TReply> AskAsync<T, TReply>(int replica, T message, CancellationToken cancellationToken, RetainedPayload? payload = null)
        where T : struct, IMessage<T>
        where TReply : struct, IMessage<TReply>
    {
        using var response = await AskAsync(replica, message, payload, cancellationToken).ConfigureAwait(false);
        return Read<TReply>(response);
    }

    /// <summary>Asks all; one answer or exception for each, when all are there or, once a majority is, a little later.</summary>
    public async Task<(TReply? Reply, Exception? Error)[]> AskAllAsync<T, TReply>(T message, bool waitForAll, CancellationToken cancellationToken)
        where T : struct, IMessage<T>
        where TReply : struct, IMessage<TReply>
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var answers = new (TReply? Reply, Exception? Error)[Count];
        var tasks = new List<Task>(Count);
        var replies = 0;
        for (var i = 0; i < Count; i++) tasks.Add(AskOneAsync(i));
        await Task.WhenAll(tasks).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return answers;

        async Task AskOneAsync(int replica)
        {
            try
            {
                answers[replica].Reply = await AskAsync<T, TReply>(replica, message, stop.Token).ConfigureAwait(false);
                if (Interlocked.Increment(ref replies) == config.Quorum && !waitForAll) stop.CancelAfter(options.MaxRetryDelay);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                answers[replica].Error = exception;
            }
        }
    }

    public static T Read<T>(in Response response)
        where T : struct, IMessage<T> =>
        response.TryRead<T>(out var message) ? message : throw new DelosProtocolException(StatusCode.Malformed, $"A {T.Type} was expected; a {response.Type} came, or one that makes no sense.");

    private static RetainedPayload Take(ref RetainedPayload? payload)
    {
        var taken = payload!;
        payload = null;
        return taken;
    }
}
