using System.Buffers;
using BenchmarkDotNet.Attributes;
using Delos.Daemon.Sequencers;
using Delos.Daemon.Storage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Bench;

/// <summary>
/// One append of 128 bytes, out of frames of 16, through the sequencer's core (positions, append ids, window, acknowledgements of three replicas) and, on a LogServer, into the log page
/// (the one copy). Neither allocates per operation. A commit does, the same for one record as for thousands: about 1.3 KB inside FasterLog (recovery info, the queue's task, the flush), which nothing that
/// it offers avoids; our own part of a commit allocates nothing. It is measured apart, since among thousands of entries it is rounded away: of each entry it is 0.3 B at 4,096 entries in a commit, 5 B at 256.
/// </summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class SteadyAppendBenchmark : ISegmentLogVisitor
{
    private const int Batch = 16;
    private const int Outstanding = 256;
    private const ulong Client = 5;

    private readonly Outputs _outputs = new();
    private readonly EntryRunReader _reader = new();
    private readonly byte[] _payload = new byte[128];
    private readonly string _directory = Path.Combine(Environment.CurrentDirectory, $".delos-bench-{Guid.NewGuid():n}");
    private SequencerCore _core = null!;
    private Block _block = null!;
    private LogStore _store = null!;
    private SegmentLog _log = null!;
    private RetainedPayload _record = null!;
    private ulong _sequence = 1;
    private long _position;

    [GlobalSetup]
    public void Start()
    {
        _block = BlockPool.Shared.Take();
        var config = LogletConfig.Native(LogletId.NewRandom(), 1, 7, [.. Enumerable.Range(1, 3).Select(node => new ReplicaId((uint)node, Guid.Empty))]);
        _core = new SequencerCore(config, new SequencerOptions(), _outputs, 0);
        for (var i = 0; i < 3; i++) _core.OnReplicaConnected(i);
        Directory.CreateDirectory(_directory);
        _store = LogStore.Open(_directory, new StorageOptions(), NullLogger.Instance, TimeProvider.System, this);
        _log = _store.TryGetOrCreate(config.Id)!;
        var bytes = new byte[Batch * EntryCodec.EncodedSize(_payload.Length)];
        for (var i = 0; i < Batch; i++) EntryCodec.Encode(bytes.AsSpan(i * EntryCodec.EncodedSize(_payload.Length)), new AppendId(Client, 1), EntryKind.Data, _payload);
        _record = RetainedPayload.Copy(bytes);
    }

    [GlobalCleanup]
    public async Task StopAsync()
    {
        _record.Release();
        _block.Release();
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Sequencer()
    {
        var length = 0;
        for (var i = 0u; i < Batch; i++) length += EntryCodec.Encode(_block.GetSpan()[length..], new AppendId(Client, _sequence + i), EntryKind.Data, _payload);
        var frame = new ReadOnlySequence<byte>(_block.Memory[..length]);
        if (_reader.Read(frame, Client, Batch, 1000) != StatusCode.Ok) throw new InvalidOperationException("The frame is not read.");
        _core.OnAppend(_outputs, Client, _sequence > Outstanding ? _sequence - Outstanding : 1, _reader.Runs, frame);
        _core.Flush();
        _sequence += Batch;
        for (var i = 0; i < 3; i++) _core.OnStoreAck(i, StatusCode.Ok, Math.Max(0, _core.NextPosition - Outstanding), _core.NextPosition);
        _core.Flush();
    }

    /// <summary>One entry, under load: a commit is asked for once in 256 records, and what is appended meanwhile is the next one.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public void LogServer()
    {
        Append();
        if (_position % (256 * Batch) == 0) _log.Kick();
    }

    /// <summary>One commit of 256 entries, alone, until it is durable.</summary>
    [Benchmark]
    public void LogServerCommit()
    {
        long end = 0;
        for (var i = 0; i < Outstanding / Batch; i++) end = Append();
        _log.Kick();
        while (_log.DurableAddress < end) Thread.Yield();
    }

    private long Append()
    {
        AppendStatus status;
        long end;
        while ((status = _log.TryAppend(RecordKind.Entries, _log.Id, _position, Batch, _record, false, out end)) == AppendStatus.Busy) Thread.Yield();
        if (status != AppendStatus.Ok) throw new InvalidOperationException(status.ToString());
        _position += Batch;
        return end;
    }

    void ISegmentLogVisitor.OnRecord(SegmentLog log, in RecordHeader header, ReadOnlySpan<byte> payload, long address)
    {
    }

    void ISegmentLogVisitor.OnUnknownRange(SegmentLog log, LogletId loglet, long first, long end)
    {
    }

    void ISegmentLogVisitor.OnDamage(SegmentLog log, string file, long offset, long length)
    {
    }

    private sealed class Outputs : ISequencerOutputs
    {
        public void SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail)
        {
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

        public void ReplyAppend(object waiter, in AppendReply reply)
        {
        }

        public void ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail)
        {
        }

        public void ReplyOpen(object waiter, ulong correlationId, StatusCode status)
        {
        }

        public void PauseReading(object waiter)
        {
        }

        public void ResumeReading()
        {
        }

        public void Ending(EndReason reason)
        {
        }

        public void Ended(EndReason reason)
        {
        }

        public void Implausible(int replica, long tail) => throw new InvalidOperationException("The benchmark acknowledges what was never stored.");
    }
}
