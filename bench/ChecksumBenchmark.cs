using BenchmarkDotNet.Attributes;
using Delos.Protocol.Entries;

namespace Delos.Bench;

/// <summary>CRC32C, over what is summed most: an entry's header, an entry, a page of records.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class ChecksumBenchmark
{
    private byte[] _data = [];

    [Params(32, 160, 4096, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Start()
    {
        _data = new byte[Bytes];
        new Random(1).NextBytes(_data);
    }

    [Benchmark]
    public uint Compute() => Crc32C.Compute(_data);
}
