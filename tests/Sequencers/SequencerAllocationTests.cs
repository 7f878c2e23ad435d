using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

[NonParallelizable]
public class SequencerAllocationTests
{
    [Test]
    public void Steady_appends_allocate_nothing_in_the_core()
    {
        var outputs = new NullOutputs();
        var config = LogletConfig.Native(LogletId.NewRandom(), 1, 7, [.. Enumerable.Range(1, 3).Select(node => new ReplicaId((uint)node, Guid.Empty))]);
        var core = new SequencerCore(config, new SequencerOptions(), outputs, 0);
        for (var i = 0; i < 3; i++) core.OnReplicaConnected(i);
        var reader = new EntryRunReader();
        var block = BlockPool.Shared.Take();
        const int batch = 8, outstanding = 32;
        ulong sequence = 1;
        for (; sequence < 20_000; sequence += batch) Append();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (; sequence < 120_000; sequence += batch) Append();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        block.Release();
        Assert.That(outputs.Acknowledged, Is.GreaterThan(110_000));
        Assert.That(allocated, Is.EqualTo(0));

        void Append()
        {
            var length = 0;
            for (var i = 0u; i < batch; i++) length += EntryCodec.Encode(block.GetSpan()[length..], new AppendId(5, sequence + i), EntryKind.Data, "0123456789abcdef"u8);
            var payload = new ReadOnlySequence<byte>(block.Memory[..length]);
            if (reader.Read(payload, 5, batch, 1000) != StatusCode.Ok) throw new InvalidOperationException();
            core.OnAppend(outputs, 5, sequence > outstanding ? sequence - outstanding : 1, reader.Runs, payload);
            core.Flush();
            for (var i = 0; i < 3; i++)
            {
                core.OnStoreAck(i, StatusCode.Ok, Math.Max(0, core.NextPosition - outstanding), core.NextPosition);
                core.Flush();
            }
        }
    }

    private sealed class NullOutputs : ISequencerOutputs
    {
        public long Acknowledged { get; private set; }

        public void SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail)
        {
            payload?.Retain();
            payload?.Release();
        }

        public void SendConfirm(int replica, ulong round)
        {
        }

        public void SendGlobalTail(int replica, long tail)
        {
        }

        public void SendSeal(int replica)
        {
        }

        public void ReplyAppend(object waiter, in AppendReply reply) => Acknowledged += reply.Count;

        public void ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail)
        {
        }

        public void ReplyOpen(object waiter, ulong correlationId, StatusCode status)
        {
        }

        public void PauseReading(object waiter) => throw new InvalidOperationException();

        public void ResumeReading()
        {
        }

        public void Ending(EndReason reason)
        {
        }

        public void Ended(EndReason reason)
        {
        }

        public void Implausible(int replica, long tail) => throw new InvalidOperationException();
    }
}
