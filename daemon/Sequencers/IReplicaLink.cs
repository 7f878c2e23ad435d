using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// One replica of a Loglet as its sequencer reaches it. Sending never blocks, and drops what cannot be sent: the replica is sent everything again once it is connected.
/// The sending members are called under the Loglet's lock, <see cref="Flush"/> without it.
/// </summary>
internal interface IReplicaLink : IAsyncDisposable
{
    /// <summary>The connection that the replica's acknowledgements come from; null while there is none, or none is needed.</summary>
    Connection? Connection { get; set; }

    /// <summary>Begins to connect, and goes on doing so after every loss until disposed.</summary>
    void Start(IReplicaEvents events);

    /// <summary>Borrows the payload (null: no entries).</summary>
    void SendStore(in Store message, RetainedPayload? payload);

    void SendConfirm(in Confirm message);

    void SendGlobalTail(in GlobalTail message);

    /// <summary>Seals the replica; the answer is told by <see cref="IReplicaEvents.OnSealReply"/>.</summary>
    void SendSeal(in Seal message);

    void Flush();
}

/// <summary>What a link tells the Loglet's sequencer, from whatever thread brings it, that of the disk and of whoever flushes among them, holding no lock.</summary>
internal interface IReplicaEvents
{
    void OnConnected(int replica, Connection? connection);

    void OnLost(int replica);

    void OnSealReply(int replica, StatusCode status);

    /// <summary>Answers that did not come over a connection; what they cause is flushed by way of <paramref name="flushes"/>, which is the caller's.</summary>
    void OnAnswers(int replica, List<StoreAck> acks, List<ConfirmReply> confirms, FlushList flushes);
}
