using Delos.Client;
using Delos.Daemon.Tables;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Configuration;

/// <summary>Everything a node is told at its start; immutable, checked once.</summary>
internal sealed record NodeOptions
{
    public required uint NodeId { get; init; }

    public required HostPort Listen { get; init; }

    /// <summary>Null: derived from the address that the listener got.</summary>
    public HostPort? Advertise { get; init; }

    public required string DataDirectory { get; init; }

    public NodeRoles Roles { get; init; } = NodeRoles.Sequencer | NodeRoles.LogServer | NodeRoles.MetaStore;

    /// <summary>Empty: whatever the identity file says.</summary>
    public Guid ClusterId { get; init; }

    public required IReadOnlyList<HostPort> MetaStore { get; init; }

    /// <summary>A power of two.</summary>
    public int FileBytes { get; init; } = 16 << 20;

    public int SpareFiles { get; init; } = 4;

    /// <summary>The sequencer reaches this node's LogServer over a socket, as it does those of other nodes. For the rehearsal, which has only one.</summary>
    public bool UseSocketsWithin { get; init; }

    /// <summary>Commits go past the page cache; null: if the data directory's file system is made for it.</summary>
    public bool? DirectIo { get; init; }

    public int MaxEntryBytes { get; init; } = 1 << 20;

    public int MaxFrameBytes { get; init; } = 8 << 20;

    public int MaxBatchBytes { get; init; } = 1 << 20;

    public long InFlightBytes { get; init; } = 64 << 20;

    public long WindowBytes { get; init; } = 32 << 20;

    public long QueuedBytes { get; init; } = 64 << 20;

    public int MaxConnections { get; init; } = 1024;

    public int MaxClients { get; init; } = 100_000;

    public long RefillBytesPerSecond { get; init; } = 64 << 20;

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan HeartbeatTimeout { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan CheckTailTimeout { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan ReplaceLogServerAfter { get; init; } = TimeSpan.FromSeconds(2);

    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Of the role table; null without it.</summary>
    public TableOptions? Table { get; init; }

    /// <summary>Run the <see cref="Node.Rehearsal"/> once the node is ready.</summary>
    public bool Rehearse { get; init; } = true;

    /// <summary>Takes the values over and checks what concerns more than one of them.</summary>
    /// <exception cref="ConfigException">They contradict each other, or a required one is missing.</exception>
    public static NodeOptions From(Settings settings)
    {
        var errors = new List<string>();
        foreach (var key in ConfigKeys.All)
        {
            if (key.Required && settings[key].Value is null) errors.Add($"{key.FullName} must be set: in the file, by {key.Variable}, or by --set {key.FullName}=…");
        }

        var roles = (settings.Flag(ConfigKeys.RoleSequencer) ? NodeRoles.Sequencer : 0)
            | (settings.Flag(ConfigKeys.RoleLogServer) ? NodeRoles.LogServer : 0)
            | (settings.Flag(ConfigKeys.RoleMetaStore) ? NodeRoles.MetaStore : 0)
            | (settings.Flag(ConfigKeys.RoleTable) ? NodeRoles.Table : 0);
        if (roles == NodeRoles.None) errors.Add("every role is off: turn on at least one of roles.sequencer, roles.logserver, roles.metastore, roles.table");
        if (!System.Numerics.BitOperations.IsPow2(settings.Number(ConfigKeys.StorageFileSize))) errors.Add($"{settings[ConfigKeys.StorageFileSize].Source}: storage.file_size: {settings[ConfigKeys.StorageFileSize].Text} is not a power of two");
        Above(ConfigKeys.LimitFrame, ConfigKeys.LimitEntry);
        Above(ConfigKeys.LimitFrame, ConfigKeys.LimitBatch);
        Above(ConfigKeys.TimeoutSilence, ConfigKeys.TimeoutHeartbeat);
        Above(ConfigKeys.TableEvict, ConfigKeys.TableReport);
        if (!DelosClient.IsName(settings.Text(ConfigKeys.TableLog)))
        {
            errors.Add($"{settings[ConfigKeys.TableLog].Source}: table.log: '{settings.Text(ConfigKeys.TableLog)}' is no name of a log: 1 to {DelosClient.MaxLogName} letters, digits, '-', '_', '.' and '/'");
        }

        var seeds = settings.Addresses(ConfigKeys.ClusterMetaStore);
        if (seeds.Count > 7 || seeds.Distinct().Count() != seeds.Count) errors.Add($"{settings[ConfigKeys.ClusterMetaStore].Source}: cluster.metastore names 1 to 7 different addresses");
        foreach (var seed in seeds.Where(s => s.IsWildcard || s.Port == 0)) errors.Add($"{settings[ConfigKeys.ClusterMetaStore].Source}: cluster.metastore: {seed} cannot be dialled");
        if (settings.Address(ConfigKeys.NodeAdvertise) is { } advertise && (advertise.IsWildcard || advertise.Port == 0))
        {
            errors.Add($"{settings[ConfigKeys.NodeAdvertise].Source}: node.advertise: {advertise} cannot be dialled");
        }

        if (errors.Count > 0) throw new ConfigException(errors);
        return new NodeOptions
        {
            NodeId = (uint)settings.Number(ConfigKeys.NodeId),
            Listen = settings.Address(ConfigKeys.NodeListen) ?? throw new InvalidOperationException("node.listen has a default."),
            Advertise = settings.Address(ConfigKeys.NodeAdvertise),
            DataDirectory = Path.GetFullPath(settings.Text(ConfigKeys.NodeData)),
            Rehearse = settings.Flag(ConfigKeys.NodeRehearsal),
            Roles = roles,
            ClusterId = settings.Guid(ConfigKeys.ClusterId),
            MetaStore = seeds,
            Table = (roles & NodeRoles.Table) == 0 ? null : TableFrom(settings),
            FileBytes = settings.Int32(ConfigKeys.StorageFileSize),
            SpareFiles = settings.Int32(ConfigKeys.StorageSpareFiles),
            DirectIo = bool.TryParse(settings.Text(ConfigKeys.StorageDirect), out var direct) ? direct : null,
            MaxEntryBytes = settings.Int32(ConfigKeys.LimitEntry),
            MaxFrameBytes = settings.Int32(ConfigKeys.LimitFrame),
            MaxBatchBytes = settings.Int32(ConfigKeys.LimitBatch),
            InFlightBytes = settings.Number(ConfigKeys.LimitInFlight),
            WindowBytes = settings.Number(ConfigKeys.LimitWindow),
            QueuedBytes = settings.Number(ConfigKeys.LimitQueued),
            MaxConnections = settings.Int32(ConfigKeys.LimitConnections),
            MaxClients = settings.Int32(ConfigKeys.LimitClients),
            RefillBytesPerSecond = settings.Number(ConfigKeys.LimitRefill),
            ReplaceLogServerAfter = settings.Duration(ConfigKeys.TimeoutReplace),
            HeartbeatInterval = settings.Duration(ConfigKeys.TimeoutHeartbeat),
            HeartbeatTimeout = settings.Duration(ConfigKeys.TimeoutSilence),
            HelloTimeout = settings.Duration(ConfigKeys.TimeoutHello),
            CheckTailTimeout = settings.Duration(ConfigKeys.TimeoutCheckTail),
            StopTimeout = settings.Duration(ConfigKeys.TimeoutStop),
        };

        void Above(ConfigKey larger, ConfigKey smaller)
        {
            if (settings.Number(larger) > settings.Number(smaller)) return;
            var (a, b) = (settings[larger], settings[smaller]);
            errors.Add($"{larger.FullName} ({a.Text}, {a.Source}) must be above {smaller.FullName} ({b.Text}, {b.Source})");
        }
    }

    private static TableOptions TableFrom(Settings settings)
    {
        var data = Path.GetFullPath(settings.Text(ConfigKeys.NodeData));
        return new TableOptions
        {
            Log = settings.Text(ConfigKeys.TableLog),
            Directory = settings.Text(ConfigKeys.TableDirectory) is { Length: > 0 } own ? Path.GetFullPath(own) : Path.Combine(data, "table"),
            SnapshotDirectory = settings.Text(ConfigKeys.TableSnapshots) is { Length: > 0 } snapshots ? Path.GetFullPath(snapshots) : "",
            CacheBytes = settings.Number(ConfigKeys.TableCache),
            WriteBufferBytes = settings.Number(ConfigKeys.TableWriteBuffer),
            ReportEvery = settings.Duration(ConfigKeys.TableReport),
            SnapshotEvery = settings.Number(ConfigKeys.TableSnapshotEvery),
            EvictAfter = settings.Duration(ConfigKeys.TableEvict),
            MaxViews = settings.Int32(ConfigKeys.TableViews),
            ViewTime = settings.Duration(ConfigKeys.TableViewTime),
            MaxRequests = settings.Int32(ConfigKeys.TableRequests),
            MaxWatches = settings.Int32(ConfigKeys.TableWatches),
            MaxQueuedBytes = settings.Number(ConfigKeys.LimitQueued) / 2,
            MaxEntryBytes = Math.Max(1024, settings.Int32(ConfigKeys.LimitEntry)),
            StopTimeout = settings.Duration(ConfigKeys.TimeoutStop) / 2,
        };
    }
}
