using BenchmarkDotNet.Attributes;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Protocol.Entries;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;

namespace Delos.Bench;

/// <summary>What a replica does with an entry of the log: 32 puts of 100-byte rows, each with its session, into a table without secondary indexes, on RocksDB; as many sessions' windows are full as one client fills. One operation is one put.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class TableApplyBenchmark
{
    private const int Puts = 32;
    private const int Rows = 10_000;
    private const int Outstanding = 256;
    private const ulong Proposer = 1;

    private readonly string _directory = Path.Combine(Environment.CurrentDirectory, $".delos-bench-{Guid.NewGuid():n}");
    private readonly Random _random = new(1);
    private readonly CellValue _value = CellValue.Of(new byte[100]);
    private readonly ILocalStore _store;
    private readonly RuntimeCore _core;
    private ulong _session;
    private ulong _sequence;
    private long _position;

    public TableApplyBenchmark()
    {
        _core = new RuntimeCore(new TableStateMachine(new SchemaCache()), 1, new Dictionary<string, int>());
        _store = new RocksStoreFactory(new RocksStoreOptions { Directory = _directory }).Open();
    }

    [GlobalSetup]
    public void Start()
    {
        var answers = Apply(
            new Proposal(ProposalKind.OpenSession, 0, 0, 0, default),
            new Proposal(ProposalKind.Command, 0, 0, 0, TableCommandCodec.Encode(new CreateTable("t", [new ColumnDefinition("id", ColumnType.Int64), new ColumnDefinition("value", ColumnType.Bytes)], "id"))));
        _session = BitConverter.ToUInt64(answers[0].Answer.Payload.Span);
        for (var i = 0; i < Rows / Puts; i++) AppliedEntry();
    }

    [GlobalCleanup]
    public void Stop()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark(OperationsPerInvoke = Puts)]
    public int AppliedEntry()
    {
        var proposals = new Proposal[Puts];
        for (var i = 0; i < Puts; i++)
        {
            var row = Row.Of(("id", CellValue.Of((long)_random.Next(Rows))), ("value", _value));
            _sequence++;
            proposals[i] = new Proposal(ProposalKind.Command, _session, _sequence, _sequence > Outstanding ? _sequence - Outstanding : 1, TableCommandCodec.Encode(new Transact(TableOp.Put("t", row))));
        }

        return Apply(proposals).Count;
    }

    private IReadOnlyList<AppliedProposal> Apply(params Proposal[] proposals)
    {
        var entry = new ProposalBatch(Proposer, 1, DateTimeOffset.UnixEpoch, proposals).Encode();
        var applied = BatchApplier.Apply(_core, _store, new LogBatch([new LogEntry(_position++, entry, default, EntryKind.Data)], _position));
        return applied.Poison is null ? applied.Answers : throw applied.Poison.Error;
    }
}
