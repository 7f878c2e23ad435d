using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// What a <see cref="SequencerCore"/> wants done. Called from inside its steps: an implementation queues and returns, and never calls back into the core.
/// A waiter is whatever the shell passed in with the request; replicas are numbered as in the config.
/// </summary>
public interface ISequencerOutputs
{
    /// <summary>Sends a Store. The payload (null: no entries) is borrowed: who keeps it beyond the call retains it.</summary>
    void SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail);

    /// <summary>Sends a Confirm. Round 0 belongs to no request: it only asks where the replica stands.</summary>
    void SendConfirm(int replica, ulong round);

    void SendGlobalTail(int replica, long tail);

    /// <summary>Sends a Seal; the answer comes back by <see cref="SequencerCore.OnSealReply"/>.</summary>
    void SendSeal(int replica);

    void ReplyAppend(object waiter, in AppendReply reply);

    void ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail);

    void ReplyOpen(object waiter, ulong correlationId, StatusCode status);

    /// <summary>Stop reading from this appender until <see cref="ResumeReading"/>. Told again for every append that comes nevertheless.</summary>
    void PauseReading(object waiter);

    /// <summary>Read again from all appenders that were paused.</summary>
    void ResumeReading();

    /// <summary>The Loglet is being ended: a replica reported a seal, or the sequencer itself gives up. Once.</summary>
    void Ending(EndReason reason);

    /// <summary>The Loglet is sealed on a majority, or not ours at all: nothing is pending any more and the core may be dropped. Once.</summary>
    void Ended(EndReason reason);

    /// <summary>A replica acknowledged what it was never sent. The message was ignored.</summary>
    void Implausible(int replica, long tail);
}

/// <summary>Why a Loglet's sequencer stops taking appends.</summary>
public enum EndReason
{
    /// <summary>A replica answered that it is sealed or deleted.</summary>
    SealSeen,

    /// <summary>A replica knows the Loglet under another incarnation.</summary>
    WrongIncarnation,

    /// <summary>The table of append ids is full; a successor begins with an empty one.</summary>
    TableFull,

    /// <summary>No majority of the replicas was within reach for <see cref="SequencerOptions.ResignAfter"/>, and an append waited.</summary>
    MajorityLost,
}
