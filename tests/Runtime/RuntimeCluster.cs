using System.Diagnostics;
using System.Text;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Tests.VirtualLogs;

namespace Delos.Tests.Runtime;

/// <summary>Replicas of <see cref="Registers"/> over one log in memory; each with a store that survives its process, and a directory of snapshots that all share.</summary>
internal sealed class RuntimeCluster : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<ulong, Replica> _replicas = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-runtime-").FullName;

    private DelosLog? _log;

    public MemoryCluster Logs { get; } = new();

    public DirectorySnapshots Snapshots => new(_directory);

    /// <summary>Where the replica of that id has its snapshots, from its next start on.</summary>
    public Func<ulong, ISnapshotStore>? SnapshotsOf { get; set; }

    public Replica this[ulong id] => _replicas[id];

    /// <summary>Starts a replica, or starts it again with the store that it left.</summary>
    public Replica Start(ulong id, Func<RuntimeOptions, RuntimeOptions>? configure = null)
    {
        if (!_replicas.TryGetValue(id, out var replica)) _replicas[id] = replica = new Replica(this, id);
        replica.Start(configure ?? (static o => o));
        return replica;
    }

    /// <summary>The replicas' log, for looking at it from outside.</summary>
    public DelosLog Log => _log ??= Logs.Client().OpenLog("log");

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas.Values) await replica.StopAsync();
        await Logs.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    internal sealed class Replica(RuntimeCluster cluster, ulong id)
    {
        private DelosRuntime? _runtime;
        private DelosLog? _log;

        public Registers Machine { get; } = new();

        public MemoryStoreFactory Stores { get; } = new();

        /// <summary>What goes wrong with its store.</summary>
        public StoreFaults Faults { get; } = new();

        public DelosRuntime Runtime => _runtime ?? throw new InvalidOperationException("It is not running.");

        public RuntimeStatus Status => Runtime.Status;

        public void Start(Func<RuntimeOptions, RuntimeOptions> configure)
        {
            _log = cluster.Logs.Client().OpenLog("log");
            _runtime = DelosRuntime.Start(_log, Machine, new FaultyStores(Stores, Faults), cluster.SnapshotsOf?.Invoke(id) ?? cluster.Snapshots, configure(new RuntimeOptions { ReplicaId = id, ReportEvery = TimeSpan.FromHours(1), EvictAfter = TimeSpan.FromHours(2), ReadTimeout = TimeSpan.FromSeconds(20) }));
        }

        public async Task<string> ProposeAsync(string command)
        {
            var result = await Runtime.ProposeAsync(Registers.Bytes(command));
            Assert.That(result.Status, Is.EqualTo(ProposalStatus.Applied));
            return Encoding.UTF8.GetString(result.Payload.Span);
        }

        public async Task<string?> ReadAsync(string key, ReadLevel? level = null)
        {
            using var snapshot = await Runtime.ReadAsync(level ?? ReadLevel.Linearizable);
            return Registers.Get(snapshot, key);
        }

        public async Task UntilAsync(RuntimeState state)
        {
            var begun = Stopwatch.GetTimestamp();
            while (Status.State != state)
            {
                if (Stopwatch.GetElapsedTime(begun) > s_patience) Assert.Fail($"Replica {id} is not {state} after {s_patience}: {Status}");
                await Task.Delay(5);
            }
        }

        public async Task UntilProblemAsync(string text)
        {
            var begun = Stopwatch.GetTimestamp();
            while (!Status.Problem.Contains(text, StringComparison.Ordinal))
            {
                if (Stopwatch.GetElapsedTime(begun) > s_patience) Assert.Fail($"Replica {id} does not say '{text}' after {s_patience}: {Status}");
                await Task.Delay(5);
            }
        }

        public async Task CatchUpAndReportAsync()
        {
            await Runtime.CatchUpAsync();
            await Runtime.ReportAsync();
        }

        public async Task StopAsync()
        {
            if (_runtime is null) return;
            await _runtime.DisposeAsync();
            await _log!.DisposeAsync();
            _runtime = null;
        }

        /// <summary>Stops it, and what its store had not made durable is gone.</summary>
        public async Task CrashAsync()
        {
            await StopAsync();
            Stores.Crash();
        }
    }
}
