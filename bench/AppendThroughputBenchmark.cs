using BenchmarkDotNet.Attributes;
using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench;

/// <summary>Durable appends from end to end: three daemons on this machine's disk, one client, so many appends under way. The time of one is the inverse of the throughput.</summary>
[MemoryDiagnoser]
[Config(typeof(InProcess))]
public class AppendThroughputBenchmark
{
    private const int Appends = 16_384;
    private readonly string _directory = Path.Combine(Environment.CurrentDirectory, $".delos-bench-{Guid.NewGuid():n}");
    private DevCluster _cluster = null!;
    private DelosClient _client = null!;
    private DelosLog _log = null!;
    private byte[] _payload = [];
    private int _left;

    [Params(128, 1024)]
    public int Bytes { get; set; }

    [Params(64, 256, 1024)]
    public int Outstanding { get; set; }

    /// <summary>0: a NativeLoglet.</summary>
    [Params(0, 3)]
    public int Stripes { get; set; }

    // The in-process toolchain awaits neither setup nor clean-up.
    [GlobalSetup]
    public void Start() => StartAsync().GetAwaiter().GetResult();

    [GlobalCleanup]
    public void Stop() => StopAsync().GetAwaiter().GetResult();

    [Benchmark(OperationsPerInvoke = Appends)]
    public Task Append()
    {
        _left = Appends;
        return Task.WhenAll(Enumerable.Range(0, Outstanding).Select(_ => AppendSomeAsync()));
    }

    private async Task StartAsync()
    {
        _payload = new byte[Bytes];
        _cluster = await DevCluster.StartAsync(new DevClusterOptions { Nodes = 3, Directory = _directory }, CancellationToken.None);
        _client = DelosClient.Connect(_cluster.Endpoints);
        _log = _client.Log("bench", new LogOptions { Policy = Stripes == 0 ? LogPolicy.Default : LogPolicy.Striped(3, Stripes) });
        await _log.AppendAsync(_payload);
    }

    private async Task StopAsync()
    {
        await _client.DisposeAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task AppendSomeAsync()
    {
        while (Interlocked.Decrement(ref _left) >= 0) await _log.AppendAsync(_payload).ConfigureAwait(false);
    }
}
