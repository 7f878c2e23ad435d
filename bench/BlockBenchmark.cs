using BenchmarkDotNet.Attributes;
using Delos.Protocol.Blocks;

namespace Delos.Bench;

/// <summary>The memory that frames are received into and payloads are kept in.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class BlockBenchmark
{
    private readonly byte[] _entry = new byte[160];

    [Benchmark]
    public void TakeAndRelease() => BlockPool.Shared.Take().Release();

    /// <summary>A payload of sixteen entries, as a client gathers it for a frame.</summary>
    [Benchmark(OperationsPerInvoke = 16)]
    public int Gather()
    {
        var payload = RetainedPayload.Create();
        using var arena = new PayloadArena();
        for (var i = 0; i < 16; i++)
        {
            var entry = arena.Copy(_entry);
            payload.Append(entry);
            entry.Release();
        }

        var length = payload.Length;
        payload.Release();
        return length;
    }
}
