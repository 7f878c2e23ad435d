using System.Runtime.CompilerServices;
using Delos.Protocol.Connections;

namespace Delos.Client.Tables;

/// <summary>
/// Sends requests of one connection: one that is alone at once, those that come while others are under way together, when the threads that make them have run. Answers come in bursts, and so do the requests that follow them; each by
/// itself would be a system call of its own, here and at the node. Thread-safe.
/// </summary>
internal sealed class RequestBurst(Connection connection)
{
    private static readonly ConditionalWeakTable<Connection, RequestBurst> s_bursts = new();

    private int _underWay;
    private int _flushing;

    public static RequestBurst Of(Connection connection) => s_bursts.GetValue(connection, static c => new RequestBurst(c));

    /// <summary>A request is about to be queued.</summary>
    /// <returns>Whether it is alone.</returns>
    public bool Begin() => Interlocked.Increment(ref _underWay) == 1;

    /// <summary>It was answered, or given up.</summary>
    public void End() => Interlocked.Decrement(ref _underWay);

    /// <summary>It is queued.</summary>
    public void Flush(bool isAlone)
    {
        if (isAlone)
        {
            connection.Flush();
            return;
        }

        if (Interlocked.Exchange(ref _flushing, 1) != 0) return;
        ThreadPool.UnsafeQueueUserWorkItem(
            static burst =>
            {
                // What is queued from here on asks for another flush.
                Interlocked.Exchange(ref burst._flushing, 0);
                burst.FlushNow();
            },
            this,
            preferLocal: false);
    }

    private void FlushNow() => connection.Flush();
}
