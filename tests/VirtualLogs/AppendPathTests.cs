using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Tests.VirtualLogs;

/// <summary>What the append path itself costs, over a Loglet that answers at once.</summary>
[NonParallelizable]
public class AppendPathTests
{
    private const int Appends = 50_000;

    [Test]
    public async Task Steady_appends_allocate_nothing()
    {
        await using var cluster = new InstantCluster();
        var log = cluster.Client.Log("log");
        var bytes = await Allocations.LeastAsync(Appends, 8, () => AppendAsync(log, Appends, outstanding: 64));
        await TestContext.Out.WriteLineAsync($"{bytes:0.00} B per append");
        Assert.That(bytes, Is.LessThan(8), "Beside the writers' own tasks nothing is allocated.");
    }

    private static async Task AppendAsync(DelosLog log, int count, int outstanding)
    {
        var payload = new byte[128];
        var left = count;
        await Task.WhenAll(Enumerable.Range(0, outstanding).Select(async _ =>
        {
            // The test runner has a synchronization context, whose posts would be counted.
            while (Interlocked.Decrement(ref left) >= 0) await log.AppendAsync(payload).ConfigureAwait(false);
        }));
    }

    /// <summary>One log on one Loglet that acknowledges whatever is flushed.</summary>
    private sealed class InstantCluster : ILogletFactory, IPlacement, ILogletOpener, ISegmentCopier, IAsyncDisposable
    {
        public InstantCluster() => Client = new DelosClient(new ClientParts(MemoryCluster.Quick.Validate(), new MemoryMetaStore(), this, this, this, this), []);

        public DelosClient Client { get; }

        public ILoglet Open(LogletConfig config) => new InstantLoglet(config);

        public ValueTask<LogletConfig> PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken = default) => ValueTask.FromResult(MemoryLogletFactory.NewConfig());

        public ValueTask<OpenResult> OpenAsync(LogletConfig config, CancellationToken patience) => ValueTask.FromResult(default(OpenResult));

        public ValueTask CopyAsync(ILogletReader source, long length, LogletConfig target, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => Client.DisposeAsync();
    }

    private sealed class InstantLoglet(LogletConfig config) : ILoglet
    {
        private readonly Lock _lock = new();
        private readonly Lock _completing = new();
        private List<AppendOp> _queued = new(256);
        private List<AppendOp> _answering = new(256);
        private long _tail;

        public event Action<ILoglet>? SequencerLost
        {
            add { }
            remove { }
        }

        public LogletConfig Config => config;

        public long KnownTail => Volatile.Read(ref _tail);

        public void Append(AppendOp op)
        {
            lock (_lock) _queued.Add(op);
        }

        public void Flush()
        {
            lock (_completing)
            {
                lock (_lock) (_queued, _answering) = (_answering, _queued);
                if (_answering.Count == 0) return;
                var client = _answering[0].Client;
                foreach (var op in _answering) op.OnCompleted(StatusCode.Ok, _tail++);
                _answering.Clear();
                client.OnCompletionsDelivered();
            }
        }

        public ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken) => ValueTask.FromResult(new TailResult(KnownTail, false));

        public ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<TailResult> SealAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DeleteAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
