using BenchmarkDotNet.Attributes;
using Delos.Protocol.Entries;

namespace Delos.Bench;

/// <summary>What every entry costs on its way: once encoded by the client, verified by the sequencer and by each reader. Most of both is the checksum.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class EntryBenchmark
{
    private byte[] _payload = [];
    private byte[] _entry = [];

    [Params(128, 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Start()
    {
        _payload = new byte[Bytes];
        _entry = new byte[EntryCodec.EncodedSize(Bytes)];
        Encode();
    }

    [Benchmark]
    public int Encode() => EntryCodec.Encode(_entry, new AppendId(1, 2), EntryKind.Data, _payload);

    [Benchmark]
    public bool Verify() => EntryCodec.IsIntact(_entry);
}
