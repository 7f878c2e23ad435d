using System.Collections.Concurrent;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.Transport;

/// <summary>Keeps what a connection brought, and lets a test act on frames.</summary>
internal sealed class RecordingHandler : IFrameHandler
{
    private readonly TaskCompletionSource<Exception?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _closedCalls;
    private int _frames;

    public delegate void FrameCallback(Connection connection, in Frame frame);

    public FrameCallback? Callback { get; init; }

    public Action<Connection>? BatchEnd { get; init; }

    public ConcurrentQueue<(FrameType Type, byte[] Payload)> Received { get; } = new();

    public int Frames => Volatile.Read(ref _frames);

    public int ClosedCalls => Volatile.Read(ref _closedCalls);

    public Task<Exception?> Closed => _closed.Task;

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (Callback is { } callback) callback(connection, frame);
        else Received.Enqueue((frame.Type, System.Buffers.BuffersExtensions.ToArray(frame.Payload)));
        Interlocked.Increment(ref _frames);
    }

    public void OnBatchEnd(Connection connection) => BatchEnd?.Invoke(connection);

    public void OnClosed(Connection connection, Exception? reason)
    {
        Interlocked.Increment(ref _closedCalls);
        _closed.TrySetResult(reason);
    }
}
