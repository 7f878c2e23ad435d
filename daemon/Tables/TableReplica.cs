using Delos.Client;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>A replica of the tables in this process: runtime, state machine, and the maintenance that it takes part in.</summary>
internal sealed class TableReplica : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _maintenance;

    private TableReplica(DelosRuntime runtime, SchemaCache cache, TimeProvider timeProvider, ILogger logger)
    {
        Runtime = runtime;
        Queries = new TableQueries(cache);
        _maintenance = MaintenanceLoop.Of(runtime, new TableMaintenance(cache), timeProvider, logger).RunAsync(_stopping.Token);
    }

    public DelosRuntime Runtime { get; }

    public TableQueries Queries { get; }

    /// <summary>Starts it; its store is opened behind the scenes, and what goes wrong with it shows in the runtime's status.</summary>
    /// <param name="log">A handle for this replica alone; not disposed with it.</param>
    /// <param name="stores">Its own store.</param>
    /// <param name="snapshots">Where replicas find each other's snapshots.</param>
    /// <param name="options">Who it is, and how often it reports.</param>
    /// <param name="committed">Told after each batch which tables may have changed, on the apply loop.</param>
    public static TableReplica Start(DelosLog log, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options, Action<ChangedTables> committed)
    {
        var cache = new SchemaCache();
        var runtime = DelosRuntime.Start(log, new TableStateMachine(cache, committed), stores, snapshots, options);
        return new TableReplica(runtime, cache, options.TimeProvider, options.LoggerFactory.CreateLogger("Delos.Tables"));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        var runtime = Runtime.DisposeAsync();
        await _maintenance.ConfigureAwait(false);
        await runtime.ConfigureAwait(false);
        _stopping.Dispose();
    }
}
