using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>Where a replica's acknowledgements go: to the connection of its sequencer, or to a sequencer in the same process. Called with locks held: it neither blocks nor calls back.</summary>
internal interface IAckSink
{
    void Enqueue(in StoreAck ack);

    /// <summary>What was enqueued is on its way now.</summary>
    void Flush();

    /// <summary>A sequencer of this process: what it is told it acts on at once.</summary>
    bool IsInProcess => false;

    /// <summary>As <see cref="Flush"/>, but without any lock held, at the end of a round of the disk's I/O thread: it may call back, and take the sequencer's lock, but waits for neither disk nor peer.</summary>
    void FlushRound() => Flush();
}
