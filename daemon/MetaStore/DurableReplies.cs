using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Daemon.MetaStore;

/// <summary>Answers that wait for an address of the journal. Thread-safe; its lock is held only to move answers in and out, so the disk's thread never waits here.</summary>
internal sealed class DurableReplies
{
    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _queue = new();

    public void Add<T>(long address, Connection connection, in T reply, ulong correlationId)
        where T : struct, IMessage<T>
    {
        lock (_lock) _queue.Enqueue(new Waiting<T>(address, connection, reply, correlationId));
    }

    /// <summary>Sends what is durable now. In order of arrival: an answer that needs less waits behind one that needs more, at most for one commit.</summary>
    public void OnDurable(long address)
    {
        List<Waiting>? ready = null;
        lock (_lock)
        {
            while (_queue.TryPeek(out var head) && head.Address <= address) (ready ??= []).Add(_queue.Dequeue());
        }

        if (ready is null) return;
        foreach (var waiting in ready) waiting.Enqueue();
        foreach (var waiting in ready) waiting.Connection.Flush();
    }

    private abstract class Waiting(long address, Connection connection)
    {
        public long Address => address;

        public Connection Connection => connection;

        public abstract void Enqueue();
    }

    private sealed class Waiting<T>(long address, Connection connection, T reply, ulong correlationId) : Waiting(address, connection)
        where T : struct, IMessage<T>
    {
        public override void Enqueue() => Connection.Reply(reply, correlationId);
    }
}
