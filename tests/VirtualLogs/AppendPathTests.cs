using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.VirtualLogs;

/// <summary>What the append path itself costs, over a Loglet that answers at once.</summary>
[NonParallelizable]
public class AppendPathTests
{
    private const int Appends = 50_000;

    [Test]
    public async Task Steady_appends_allocate_nothing()
    {
        await using var cluster = new InstantCluster(MemoryCluster.Quick);
        var log = cluster.Client.Log("log");
        var bytes = await Allocations.LeastAsync(Appends, 8, () => AppendAsync(log, Appends, outstanding: 64));
        await TestContext.Out.WriteLineAsync($"{bytes:0.00} B per append");
        Assert.That(bytes, Is.LessThan(8), "Beside the writers' own tasks nothing is allocated.");
    }

    [Test]
    public async Task What_inline_continuations_append_goes_out_in_one_piece()
    {
        const int Outstanding = 64, Rounds = 100;
        await using var cluster = new InstantCluster(MemoryCluster.Quick with { InlineContinuations = true }, answersEach: Outstanding);
        await AppendAsync(cluster.Client.Log("log"), Outstanding * Rounds, Outstanding);

        // The first round comes from the test's thread, and what that left to flush may come between once more.
        var flushed = cluster.Loglet!.Flushed;
        Assert.That(flushed.Sum(f => f.Count), Is.EqualTo(Outstanding * Rounds));
        Assert.That(flushed.Count(f => f == (Outstanding, true)), Is.GreaterThanOrEqualTo(Rounds - 4), string.Join(' ', flushed));
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
        private readonly int _answersEach;

        public InstantCluster(DelosClientOptions options, int answersEach = 1)
        {
            _answersEach = answersEach;
            Client = new DelosClient(new ClientParts(options.Validate(), new MemoryMetaStore(), this, this, this, this), []);
        }

        public DelosClient Client { get; }

        /// <summary>That was opened last.</summary>
        public InstantLoglet? Loglet { get; private set; }

        public ILoglet Open(LogletConfig config) => Loglet = new InstantLoglet(config, _answersEach);

        public ValueTask<LogletConfig> PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken = default) => ValueTask.FromResult(MemoryLogletFactory.NewConfig());

        public ValueTask<OpenResult> OpenAsync(LogletConfig config, CancellationToken patience) => ValueTask.FromResult(default(OpenResult));

        public ValueTask CopyAsync(ILogletReader source, long length, LogletConfig target, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => Client.DisposeAsync();
    }

    /// <param name="config">Its config.</param>
    /// <param name="answersEach">It answers as soon as so many wait.</param>
    private sealed class InstantLoglet(LogletConfig config, int answersEach) : ILoglet
    {
        [ThreadStatic]
        private static bool t_isDelivering;

        private readonly Lock _lock = new();
        private readonly List<AppendOp> _queued = new(256);
        private AppendCompletions? _completions;
        private int _unflushed;
        private long _tail;

        /// <summary>How many each flush found that found any, and whether it came from what continued.</summary>
        public List<(int Count, bool IsNested)> Flushed { get; } = new(1 << 16);

        public event Action<ILoglet>? SequencerLost
        {
            add { }
            remove { }
        }

        public LogletConfig Config => config;

        public long KnownTail => Volatile.Read(ref _tail);

        public void Append(AppendOp op)
        {
            lock (_lock)
            {
                _queued.Add(op);
                _unflushed++;
            }
        }

        public void Flush()
        {
            var isNested = t_isDelivering;
            lock (_lock)
            {
                _completions ??= new AppendCompletions(_lock, NullLogger.Instance);
                if (_unflushed > 0) Flushed.Add((_unflushed, isNested));
                _unflushed = 0;
                if (_queued.Count >= answersEach)
                {
                    foreach (var op in _queued) _completions.Add(op, StatusCode.Ok, _tail++);
                    _queued.Clear();
                }
            }

            t_isDelivering = true;
            _completions.Deliver();
            t_isDelivering = isNested;
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
