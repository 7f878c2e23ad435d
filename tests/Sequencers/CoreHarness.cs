using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

/// <summary>A core with everything that it wants done written down.</summary>
internal sealed class CoreHarness : ISequencerOutputs
{
    public const ulong Client = 0xC11E47;

    private readonly EntryRunReader _reader = new();
    private long _now;

    public CoreHarness(int replicas = 3, SequencerOptions? options = null, bool connect = true)
    {
        Options = options ?? new SequencerOptions();
        var ids = Enumerable.Range(1, replicas).Select(node => new ReplicaId((uint)node, Guid.NewGuid())).ToArray();
        Config = LogletConfig.Native(LogletId.NewRandom(), 1, 7, ids);
        Core = new SequencerCore(Config, Options, this, 0);
        if (!connect) return;
        for (var i = 0; i < replicas; i++)
        {
            Core.OnReplicaConnected(i);
            Core.OnStoreAck(i, StatusCode.Ok, 0, 0);
        }

        Clear();
    }

    public SequencerOptions Options { get; }

    public LogletConfig Config { get; }

    public SequencerCore Core { get; }

    public List<SentStore> Stores { get; } = [];

    public List<(int Replica, ulong Round)> Confirms { get; } = [];

    public List<(int Replica, long Tail)> Announced { get; } = [];

    public List<int> Seals { get; } = [];

    public List<(object Waiter, AppendReply Reply)> Replies { get; } = [];

    public List<(ulong CorrelationId, StatusCode Status, long Tail)> Tails { get; } = [];

    public List<(ulong CorrelationId, StatusCode Status)> Opens { get; } = [];

    public List<object> Paused { get; } = [];

    public int Resumed { get; private set; }

    public EndReason? EndingReason { get; private set; }

    public EndReason? EndedReason { get; private set; }

    public int ImplausibleCount { get; private set; }

    public AppendReply LastReply => Replies[^1].Reply;

    public void Clear()
    {
        Stores.Clear();
        Confirms.Clear();
        Announced.Clear();
        Seals.Clear();
        Replies.Clear();
        Tails.Clear();
        Opens.Clear();
        Paused.Clear();
    }

    /// <summary>One frame with entries of these sequences, and the end of the batch.</summary>
    public void Append(ulong first, int count = 1, ulong floor = 0, ulong client = Client, object? waiter = null, int size = 10)
    {
        AppendFrame([.. Enumerable.Range(0, count).Select(i => first + (ulong)i)], floor, client, waiter, size);
        Flush();
    }

    /// <summary>One frame, without the end of the batch.</summary>
    public void AppendFrame(ulong[] sequences, ulong floor = 0, ulong client = Client, object? waiter = null, int size = 10)
    {
        var payload = new ReadOnlySequence<byte>(Entries.Of(client, size, sequences));
        Assert.That(_reader.Read(payload, client, (uint)sequences.Length, Options.MaxEntryBytes), Is.EqualTo(StatusCode.Ok));
        Core.OnAppend(waiter ?? this, client, floor, _reader.Runs, payload);
    }

    /// <summary>An acknowledgement of everything below <paramref name="tail"/>, and the end of the batch.</summary>
    public void Ack(int replica, long tail, bool wantsTail = false)
    {
        Core.OnStoreAck(replica, StatusCode.Ok, tail, tail, wantsTail);
        Flush();
    }

    public void Refuse(int replica, StatusCode status, long accepted = 0, long durable = 0)
    {
        Core.OnStoreAck(replica, status, durable, accepted);
        Flush();
    }

    /// <summary>The end of a batch, and the little while after it.</summary>
    public void Flush()
    {
        Core.Flush();
        Core.TellTail();
    }

    public void CheckTail(ulong correlationId)
    {
        Core.OnCheckTail(this, correlationId);
        Flush();
    }

    public void Fill(ulong correlationId, long upTo)
    {
        Core.OnFill(this, correlationId, upTo);
        Core.Flush();
    }

    public void Confirm(int replica, ulong round, long tail, StatusCode status = StatusCode.Ok)
    {
        Core.OnConfirmReply(replica, round, status, tail);
        Flush();
    }

    public void Pass(TimeSpan time)
    {
        _now += (long)time.TotalMilliseconds;
        Core.OnTick(_now);
    }

    void ISequencerOutputs.SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail) =>
        Stores.Add(new SentStore(replica, first, count, payload?.Length ?? 0, payload is null ? [] : Entries.SequencesOf(payload.AsSequence()), withConfig, globalTail));

    void ISequencerOutputs.SendConfirm(int replica, ulong round) => Confirms.Add((replica, round));

    void ISequencerOutputs.SendGlobalTail(int replica, long tail) => Announced.Add((replica, tail));

    void ISequencerOutputs.SendSeal(int replica) => Seals.Add(replica);

    void ISequencerOutputs.ReplyAppend(object waiter, in AppendReply reply) => Replies.Add((waiter, reply));

    void ISequencerOutputs.ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail) => Tails.Add((correlationId, status, tail));

    void ISequencerOutputs.ReplyOpen(object waiter, ulong correlationId, StatusCode status) => Opens.Add((correlationId, status));

    void ISequencerOutputs.PauseReading(object waiter) => Paused.Add(waiter);

    void ISequencerOutputs.ResumeReading() => Resumed++;

    void ISequencerOutputs.Ending(EndReason reason)
    {
        Assert.That(EndingReason, Is.Null, "told twice");
        EndingReason = reason;
    }

    void ISequencerOutputs.Ended(EndReason reason)
    {
        Assert.That(EndedReason, Is.Null, "told twice");
        EndedReason = reason;
    }

    void ISequencerOutputs.Implausible(int replica, long tail) => ImplausibleCount++;
}

internal sealed record SentStore(int Replica, long First, int Count, int Bytes, ulong[] Sequences, bool WithConfig, long GlobalTail);
