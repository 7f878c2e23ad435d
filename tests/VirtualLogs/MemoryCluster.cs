using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.VirtualLogs;

/// <summary>Logs over MemoryLoglets and a MetaStore in memory: everything of the client but the sockets.</summary>
internal sealed class MemoryCluster : IPlacement, ILogletOpener, ISegmentCopier, ILogletFactory, IAsyncDisposable
{
    private readonly MemoryLogletFactory _factory = new();
    private readonly List<DelosClient> _clients = [];
    private int _opened;
    private int _closed;

    public MemoryMetaStore MetaStore { get; } = new();

    public MemoryLogletFaults Faults => _factory.Faults;

    public MemoryLogletFactory Memory => _factory;

    /// <summary>Loglets that were deleted.</summary>
    public ConcurrentDictionary<LogletId, bool> Deleted { get; } = new();

    /// <summary>Loglets that were placed, in order.</summary>
    public ConcurrentQueue<LogletConfig> Placed { get; } = new();

    /// <summary>Subscriptions to Loglets that were begun so far.</summary>
    public int SubscriptionsBegun => Volatile.Read(ref _opened);

    /// <summary>Subscriptions to Loglets that are not over.</summary>
    public int Subscriptions => Volatile.Read(ref _opened) - Volatile.Read(ref _closed);

    /// <summary>Asked for every candidate that shall be opened.</summary>
    public Func<LogletConfig, StatusCode>? OnOpen { get; set; }

    public ChainStore Chains => new(MetaStore);

    public DelosClient Client(DelosClientOptions? options = null)
    {
        var parts = new ClientParts((options ?? Quick).Validate(), MetaStore, this, this, this, this);
        var client = new DelosClient(parts, []);
        _clients.Add(client);
        return client;
    }

    public static DelosClientOptions Quick { get; } = new()
    {
        RollForwardAfter = TimeSpan.FromMilliseconds(5),
        RollForwardJitter = TimeSpan.FromMilliseconds(5),
        DeleteGrace = TimeSpan.FromMilliseconds(1),
        OperationTimeout = TimeSpan.FromSeconds(20),
        CloseTimeout = TimeSpan.FromSeconds(2),
    };

    public Reconfigurer Reconfigurer() =>
        new(Chains, this, this, this, this, new ReconfigurerOptions { DeleteGrace = TimeSpan.FromMilliseconds(1), ReadBackTimeout = TimeSpan.FromSeconds(2) }, TimeProvider.System, NullLogger.Instance);

    public async Task<Chain> ChainAsync(string log) => (await Chains.ReadAsync(log))!;

    /// <summary>Every entry of the installed chain but gap records, read from the Loglets themselves.</summary>
    public async Task<List<(long Position, AppendId Id, byte[] Payload)>> ContentsAsync(string log)
    {
        var entries = new List<(long, AppendId, byte[])>();
        var chain = await ChainAsync(log);
        foreach (var segment in chain.Segments)
        {
            await using var loglet = _factory.Open(segment.Loglet);
            var stop = segment.Stop - segment.Start ?? (await loglet.CheckTailAsync(default)).Tail;
            for (var p = 0L; p < stop;)
            {
                using var read = await loglet.ReadNextAsync(p, stop, stop, 1 << 20, default);
                if (read.Status == StatusCode.Trimmed)
                {
                    p = read.TrimPoint;
                    continue;
                }

                Assert.That(read.Status, Is.EqualTo(StatusCode.Ok));
                Assert.That(read.Count, Is.GreaterThan(0));
                p = read.First;
                Collect(segment, read, entries, ref p);
            }
        }

        return entries;
    }

    public ILoglet Open(LogletConfig config) => new Watched(this, _factory.Open(config));

    ValueTask<LogletConfig> IPlacement.PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken)
    {
        var config = policy.Kind == LogletKind.Striped
            ? LogletConfig.Striped(LogletId.NewRandom(), [.. Enumerable.Range(0, policy.Stripes).Select(_ => MemoryLogletFactory.NewConfig())])
            : MemoryLogletFactory.NewConfig();
        Placed.Enqueue(config);
        return ValueTask.FromResult(config);
    }

    ValueTask<OpenResult> ILogletOpener.OpenAsync(LogletConfig config, CancellationToken patience) => ValueTask.FromResult(new OpenResult(OnOpen?.Invoke(config) ?? StatusCode.Ok, config.SequencerNode));

    async ValueTask ISegmentCopier.CopyAsync(ILogletReader source, long length, LogletConfig target, CancellationToken cancellationToken)
    {
        var copy = _factory.Open(target);
        for (var p = 0L; p < length;)
        {
            using var read = await source.ReadNextAsync(p, length, length, 1 << 16, cancellationToken);
            Assert.That(read.Status, Is.EqualTo(StatusCode.Ok));
            Append(copy, read);
            p = read.First + read.Count;
        }

        await copy.SealAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync();
    }

    private static void Append(ILoglet copy, ReadResult read)
    {
        using var cursor = new EntryCursor(read.Entries);
        while (cursor.MoveNext())
        {
            copy.Append(new CopiedEntry(cursor.Header.Id, cursor.Entry));
            copy.Flush();
        }
    }

    private static void Collect(Segment segment, ReadResult read, List<(long, AppendId, byte[])> entries, ref long p)
    {
        using var cursor = new EntryCursor(read.Entries);
        for (; cursor.MoveNext(); p++)
        {
            if (cursor.Header.Kind != EntryKind.Gap) entries.Add((segment.Start + p, cursor.Header.Id, cursor.Payload.ToArray()));
        }
    }

    private sealed class CopiedEntry : AppendOp
    {
        public CopiedEntry(AppendId id, ReadOnlySpan<byte> entry)
        {
            Client = new AppendClient(id.ClientId);
            Sequence = id.Sequence;
            Entry = RetainedPayload.Copy(entry);
        }

        public override AppendClient Client { get; }

        public override void OnCompleted(StatusCode status, long position)
        {
            Assert.That(status, Is.EqualTo(StatusCode.Ok));
            Entry!.Release();
        }
    }

    /// <summary>Notes deletions and subscriptions.</summary>
    private sealed class Watched(MemoryCluster cluster, ILoglet inner) : ILoglet
    {
        public event Action<ILoglet>? SequencerLost
        {
            add => inner.SequencerLost += value;
            remove => inner.SequencerLost -= value;
        }

        public LogletConfig Config => inner.Config;

        public long KnownTail => inner.KnownTail;

        public void Append(AppendOp op) => inner.Append(op);

        public void Flush() => inner.Flush();

        public ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken) => inner.CheckTailAsync(cancellationToken);

        public ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken) => inner.FillAsync(upTo, cancellationToken);

        public ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken) => inner.ReadNextAsync(min, max, bound, maxBytes, cancellationToken);

        public ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken) => inner.TrimAsync(position, bound, cancellationToken);

        public ValueTask<TailResult> SealAsync(CancellationToken cancellationToken) => inner.SealAsync(cancellationToken);

        public async IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref cluster._opened);
            try
            {
                // As a LogServer greets whoever subscribes.
                yield return new EntryBatch(StatusCode.Ok, min, 0, null, 0);
                await foreach (var batch in inner.SubscribeAsync(min, max, stop, cancellationToken)) yield return batch;
            }
            finally
            {
                Interlocked.Increment(ref cluster._closed);
            }
        }

        public ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken) => inner.DescribeAsync(cancellationToken);

        public ValueTask DeleteAsync(CancellationToken cancellationToken)
        {
            cluster.Deleted[Config.Id] = true;
            return inner.DeleteAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
