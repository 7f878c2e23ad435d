using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;

namespace Delos.Protocol.Connections;

/// <summary>One request that waits for its reply: pooled, so that a request allocates nothing. Continuations run on the thread pool, never on the read loop.</summary>
internal sealed class PendingRequest : IValueTaskSource<Response>
{
    private static readonly ObjectPool<PendingRequest> s_pool = new DefaultObjectPool<PendingRequest>(new DefaultPooledObjectPolicy<PendingRequest>(), maximumRetained: 1024);

    private ManualResetValueTaskSourceCore<Response> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellationToken;
    private RequestTable? _table;

    public ulong Id { get; private set; }

    public ValueTask<Response> Task => new(this, _core.Version);

    public static PendingRequest Rent() => s_pool.Get();

    /// <summary>Before the request is sent: nothing but a cancellation or a close can complete it meanwhile.</summary>
    public void Begin(RequestTable table, ulong id, CancellationToken cancellationToken)
    {
        _table = table;
        Id = id;
        _cancellationToken = cancellationToken;
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(
                static state =>
                {
                    var request = (PendingRequest)state!;
                    request._table!.Cancel(request.Id, request._cancellationToken);
                },
                this);
        }
    }

    public void Complete(in Response response) => _core.SetResult(response);

    public void Fail(Exception exception) => _core.SetException(exception);

    public Response GetResult(short token)
    {
        var mine = token == _core.Version;
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            if (mine)
            {
                // Waits for a cancellation that is just running, so that it cannot meet this object's next request.
                _registration.Dispose();
                _registration = default;
                _cancellationToken = default;
                _table = null;
                _core.Reset();
                s_pool.Return(this);
            }
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);
}
