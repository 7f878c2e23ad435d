using System.Buffers;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>What a sequencer asks of the LogServer in its own process. The calls of one batch come from one thread at a time.</summary>
internal interface ILocalStores
{
    /// <summary>The replica would be one of this node and its disk.</summary>
    bool IsOnOwnDisk(ReplicaId replica);

    /// <summary>A store whose entries are known to be intact: nothing that a reader would reject gets onto the disk. Borrows the payload.</summary>
    void Store(ReplicaBatch batch, in Store message, in ReadOnlySequence<byte> payload);

    void AnnounceGlobalTail(ReplicaBatch batch, in GlobalTail message);

    ConfirmReply Confirm(in Confirm message);

    /// <summary>The disk is told, then whoever need not wait for it is answered, then readers are given what they may see; the source is paused if the disk is behind.</summary>
    void EndBatch(ReplicaBatch batch, IPausable source);

    Task<StatusCode> SealAsync(LogletConfig config);

    /// <summary>That sequencer is not there any more.</summary>
    void Forget<TSequencer>(LogletId loglet, TSequencer sequencer)
        where TSequencer : IAckSink, IPausable;
}
