using System.Buffers;
using System.Collections.Concurrent;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.LogServers;

/// <summary>A sequencer's or client's end of a connection to a LogServer under test. What comes without being a reply is kept in order.</summary>
internal sealed class LogServerPeer(IFrameHandler? handler = null) : IFrameHandler
{
    private readonly BlockingCollection<Received> _received = [];
    private volatile bool _expectsEnd;

    public Connection Connection { get; set; } = default!;

    public TaskCompletionSource<Exception?> ClosedFor { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void EnqueueStore(LogletConfig config, long first, int count, long globalTail = 0, bool withConfig = true, ulong? incarnation = null) =>
        Connection.Enqueue(new Store(config.Id, incarnation ?? config.Incarnation, first, (uint)count, globalTail, withConfig ? config : null), LogServerHarness.Entries(first, count).AsSpan());

    /// <summary>Stores and waits for the next acknowledgement.</summary>
    public Task<StoreAck> StoreAsync(LogletConfig config, long first, int count, long globalTail = 0, bool withConfig = true, ulong? incarnation = null)
    {
        EnqueueStore(config, first, count, globalTail, withConfig, incarnation);
        Connection.Flush();
        return NextAsync<StoreAck>();
    }

    /// <summary>Stores until everything up to <paramref name="tail"/> is durable.</summary>
    public async Task FillAsync(LogletConfig config, long tail, long globalTail = 0)
    {
        for (long first = 0; first < tail; first += 50) EnqueueStore(config, first, (int)Math.Min(50, tail - first), globalTail);
        Connection.Flush();
        while ((await NextAsync<StoreAck>()).DurableTail < tail)
        {
            // One acknowledgement per commit.
        }
    }

    public void Announce(LogletConfig config, long tail)
    {
        Connection.Enqueue(new GlobalTail(config.Id, config.Incarnation, tail));
        Connection.Flush();
    }

    public async Task<TReply> AskAsync<TRequest, TReply>(TRequest request, byte[]? payload = null)
        where TRequest : struct, IMessage<TRequest>
        where TReply : struct, IMessage<TReply>
    {
        using var response = await Connection.RequestAsync(request, payload.AsSpan()).AsTask().WaitAsync(LogServerHarness.Patience);
        if (!response.TryRead<TReply>(out var reply)) throw new InvalidOperationException($"A {response.Type} came instead of {TReply.Type}.");
        return reply;
    }

    /// <summary>
    /// Seals. If this peer is the replica's sequencer it is told so as well, ahead of the reply: that is kept in <see cref="ToldEnd"/>, so that it is not taken for the answer to a store.
    /// </summary>
    public async Task<SealReply> SealAsync(LogletConfig config)
    {
        _expectsEnd = true;
        try
        {
            return await AskAsync<Seal, SealReply>(new Seal(config));
        }
        finally
        {
            _expectsEnd = false;
        }
    }

    /// <summary>What a sequencer is told when a replica ends while it asks for nothing.</summary>
    public StoreAck? ToldEnd { get; private set; }

    public Task<StatusReply> StatusAsync(LogletId id) => AskAsync<Status, StatusReply>(new Status(id));

    public Task<RepairReply> RepairAsync(LogletConfig config, long first, int count) =>
        AskAsync<Repair, RepairReply>(new Repair(config, first, (uint)count), LogServerHarness.Entries(first, count));

    public Task<TrimReply> TrimAsync(LogletId id, long position, long bound) => AskAsync<Trim, TrimReply>(new Trim(id, position, bound));

    public async Task<(ReadReply Reply, byte[] Entries)> ReadAsync(LogletId id, long min, long max, long bound, uint maxBytes = 1 << 20, bool forRepair = false)
    {
        using var response = await Connection.RequestAsync(new Read(id, min, max, bound, maxBytes, forRepair)).AsTask().WaitAsync(LogServerHarness.Patience);
        if (!response.TryRead<ReadReply>(out var reply)) throw new InvalidOperationException($"A {response.Type} came instead of a ReadReply.");
        return (reply, response.Payload.ToArray());
    }

    public void Subscribe(LogletId id, long min, long max, long stop, uint credit, ulong correlationId)
    {
        Connection.Enqueue(new Subscribe(id, min, max, stop, credit), correlationId);
        Connection.Flush();
    }

    /// <summary>Of the frame that was taken last.</summary>
    public FrameFlags LastFlags { get; private set; }

    /// <summary>The next frame that is no reply; it must be a <typeparamref name="T"/>.</summary>
    public async Task<T> NextAsync<T>()
        where T : struct, IMessage<T> => (await NextFrameAsync<T>()).Message;

    public Task<(T Message, byte[] Payload)> NextFrameAsync<T>()
        where T : struct, IMessage<T> => Task.Run(() =>
        {
            if (!_received.TryTake(out var received, LogServerHarness.Patience)) throw new TimeoutException($"No {T.Type} came.");
            var reader = new MessageReader(received.Metadata);
            if (received.Type != T.Type || !T.TryRead(ref reader, out var message)) throw new InvalidOperationException($"A {received.Type} came instead of {T.Type}.");
            LastFlags = received.Flags;
            return (message, received.Payload);
        });

    /// <summary>True if nothing but replies came before the answer to a request that was sent after everything else.</summary>
    public async Task<bool> HeardNothingAsync(LogletConfig config)
    {
        await StatusAsync(config.Id);
        return _received.Count == 0;
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (handler is not null) handler.OnFrame(connection, frame);
        else if (_expectsEnd && frame.TryRead<StoreAck>(out var ack) && ack.Status is StatusCode.Sealed)
        {
            ToldEnd = ack;
            _expectsEnd = false;
        }
        else _received.Add(new Received(frame.Type, frame.Header.Flags, frame.Metadata.ToArray(), frame.Payload.ToArray()));
    }

    public void OnBatchEnd(Connection connection) => handler?.OnBatchEnd(connection);

    public void OnClosed(Connection connection, Exception? reason) => ClosedFor.TrySetResult(reason);

    private sealed record Received(FrameType Type, FrameFlags Flags, byte[] Metadata, byte[] Payload);
}
