using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>The requests of one connection that wait for their reply. Thread-safe; whoever takes a request out of the table completes it, exactly once.</summary>
internal sealed class RequestTable
{
    /// <summary>Marks the correlation ids of this table, so that a late reply can be told from those that a handler correlates itself.</summary>
    private const ulong Mark = 1UL << 63;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, PendingRequest> _pending = [];
    private ulong _lastId;
    private bool _closed;

    /// <summary>Null if the connection is closed.</summary>
    public PendingRequest? Begin(CancellationToken cancellationToken)
    {
        var request = PendingRequest.Rent();
        ulong id;
        lock (_lock)
        {
            if (_closed) return null;
            id = Mark | ++_lastId;
            _pending.Add(id, request);
        }

        request.Begin(this, id, cancellationToken);
        return request;
    }

    /// <summary>True if the reply was the table's business: a request's, or too late for one that was given up.</summary>
    public bool TryComplete(in Frame frame)
    {
        if ((frame.CorrelationId & Mark) == 0) return false;
        if (Take(frame.CorrelationId) is not { } request) return true;
        if (frame.TryRead<Error>(out var error)) request.Fail(new DelosProtocolException(error.Code, error.Text));
        else request.Complete(new Response(ResponseBuffer.Of(frame)));
        return true;
    }

    public void Cancel(ulong id, CancellationToken cancellationToken) => Fail(id, new OperationCanceledException(cancellationToken));

    public void Fail(ulong id, Exception exception) => Take(id)?.Fail(exception);

    /// <summary>Fails all requests, and all that will be begun.</summary>
    public void Close(Exception? reason)
    {
        PendingRequest[] requests;
        lock (_lock)
        {
            _closed = true;
            requests = [.. _pending.Values];
            _pending.Clear();
        }

        foreach (var request in requests) request.Fail(Lost(reason));
    }

    public static ConnectionLostException Lost(Exception? reason) =>
        new(reason is null ? "The connection was closed here." : $"The connection was lost: {reason.Message}", (reason as ConnectionLostException)?.InnerException ?? reason);

    private PendingRequest? Take(ulong id)
    {
        lock (_lock) return _pending.Remove(id, out var request) ? request : null;
    }
}
