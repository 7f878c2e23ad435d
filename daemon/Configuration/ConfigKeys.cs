namespace Delos.Daemon.Configuration;

/// <summary>The table of all configuration keys, in the order of the sample file. The one place where a key is declared.</summary>
internal static class ConfigKeys
{
    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;
    private const long GiB = 1024 * MiB;
    private const long Millisecond = 1000;
    private const long Minute = 60_000 * Millisecond;

    public static readonly ConfigKey NodeId = new("node", "id", ConfigKind.Integer, "",
        "This node's number in the cluster, 1 and up. Must be that of the data directory's identity.")
    { Minimum = 1, Maximum = uint.MaxValue, Required = true };

    public static readonly ConfigKey NodeListen = new("node", "listen", ConfigKind.Address, "127.0.0.1:7400",
        "Address to listen on; 0.0.0.0 or [::] for every interface, port 0 for any free port.");

    public static readonly ConfigKey NodeAdvertise = new("node", "advertise", ConfigKind.Address, "",
        "Address that clients and other nodes dial. Empty: the listen address, or the machine's name if that is a wildcard.");

    public static readonly ConfigKey NodeData = new("node", "data", ConfigKind.Path, "/var/lib/delos",
        "Directory of this node's disk, initialised once by 'delosd init'. One node per directory.");

    public static readonly ConfigKey NodeRehearsal = new("node", "rehearsal", ConfigKind.Boolean, "true",
        "After each start reconfigure and append to a throw-away log within the process, in node.data, for half a second: so that the first real reconfiguration does not wait for the compiler.");

    public static readonly ConfigKey RoleSequencer = new("roles", "sequencer", ConfigKind.Boolean, "true", "Orders appends of Loglets that are placed here.");

    public static readonly ConfigKey RoleLogServer = new("roles", "logserver", ConfigKind.Boolean, "true", "Stores replicas of Loglets.");

    public static readonly ConfigKey RoleMetaStore = new("roles", "metastore", ConfigKind.Boolean, "true",
        "Stores the chains. On the nodes that cluster.metastore lists (3 or 5), and only there.");

    public static readonly ConfigKey RoleTable = new("roles", "table", ConfigKind.Boolean, "false",
        "Keeps a replica of the tables, and serves it. Needs the RocksDB library (Debian 12: package librocksdb7.8). Any nodes may, with other roles or without.");

    public static readonly ConfigKey ClusterId = new("cluster", "id", ConfigKind.Guid, "",
        "The cluster's id, as 'delosd init' printed it. Empty: that of the data directory's identity.");

    public static readonly ConfigKey ClusterMetaStore = new("cluster", "metastore", ConfigKind.AddressList, "127.0.0.1:7400",
        "The MetaStore nodes' addresses, separated by commas; the same list on every node.");

    public static readonly ConfigKey StorageFileSize = new("storage", "file_size", ConfigKind.Size, "16MiB",
        "Size of a segment file, a power of two; allocated and zeroed ahead. Each new Loglet begins a file, so larger ones make the disk busier after a reconfiguration.")
    { Minimum = 2 * MiB, Maximum = GiB };

    public static readonly ConfigKey StorageSpareFiles = new("storage", "spare_files", ConfigKind.Integer, "4",
        "Segment files kept ready, so that a new Loglet or a full file does not wait for the disk.")
    { Minimum = 0, Maximum = 64 };

    public static readonly ConfigKey StorageDirect = new("storage", "direct", ConfigKind.Choice, "auto",
        "Write past the page cache: more appends for the same work. Readers at the tail get entries from memory all the same, but what was written a moment ago is read from the disk. auto: on ext4 and xfs. Set it to false where what is below them checksums what it writes, and do not set it to true where the file system does.")
    { Choices = ["auto", "true", "false"] };

    public static readonly ConfigKey LimitEntry = new("limits", "max_entry", ConfigKind.Size, "1MiB", "Largest payload of one append.")
    { Minimum = 1, Maximum = MiB };

    public static readonly ConfigKey LimitFrame = new("limits", "max_frame", ConfigKind.Size, "8MiB", "Largest frame accepted from a peer.")
    { Minimum = 64 * KiB, Maximum = 64 * MiB };

    public static readonly ConfigKey LimitBatch = new("limits", "max_batch", ConfigKind.Size, "1MiB",
        "Entries that the sequencer gathers into one store at most, in bytes.")
    { Minimum = 4 * KiB, Maximum = 1536 * KiB };

    public static readonly ConfigKey LimitInFlight = new("limits", "in_flight_bytes", ConfigKind.Size, "64MiB",
        "Bytes sent to or accepted by LogServers and not yet durable; past that the node stops reading from its clients.")
    { Minimum = MiB, Maximum = 16 * GiB };

    public static readonly ConfigKey LimitWindow = new("limits", "window_bytes", ConfigKind.Size, "32MiB",
        "Committed entries that a sequencer keeps for slow LogServers; those farther behind refill from their peers.")
    { Minimum = MiB, Maximum = 16 * GiB };

    public static readonly ConfigKey LimitQueued = new("limits", "queued_bytes", ConfigKind.Size, "64MiB",
        "Bytes that may wait to be sent on one connection; a peer that does not read is disconnected.")
    { Minimum = MiB, Maximum = 16 * GiB };

    public static readonly ConfigKey LimitConnections = new("limits", "connections", ConfigKind.Integer, "1024", "Connections accepted at a time.")
    { Minimum = 4, Maximum = 1_000_000 };

    public static readonly ConfigKey LimitClients = new("limits", "clients", ConfigKind.Integer, "100000",
        "Client ids that one Loglet's sequencer remembers for exactly-once appends.")
    { Minimum = 16, Maximum = 10_000_000 };

    public static readonly ConfigKey LimitRefill = new("limits", "refill_rate", ConfigKind.Size, "64MiB",
        "Bytes per second, at most, that a node which was away or damaged copies from its peers.")
    { Minimum = MiB, Maximum = 16 * GiB };

    public static readonly ConfigKey TableLog = new("table", "log", ConfigKind.Text, "tables",
        "The log that the tables are in, the same on every table node. Created if it does not exist.");

    public static readonly ConfigKey TableDirectory = new("table", "dir", ConfigKind.Path, "", "Directory of this node's replica. Empty: table in node.data.");

    public static readonly ConfigKey TableSnapshots = new("table", "snapshots", ConfigKind.Path, "",
        "A directory that all table nodes share, for the snapshots from which replicas catch up, and which let the log be trimmed. Empty: each keeps its own in its own directory, and copies those of others over the network.");

    public static readonly ConfigKey TableCache = new("table", "cache", ConfigKind.Size, "32MiB", "Memory for what was read from the replica's files: three quarters for their blocks, one for the rows and records that commands asked for.")
    { Minimum = MiB, Maximum = 1024 * GiB };

    public static readonly ConfigKey TableWriteBuffer = new("table", "write_buffer", ConfigKind.Size, "16MiB", "Memory for what is not in the replica's files yet; up to three times as much.")
    { Minimum = MiB, Maximum = 64 * GiB };

    public static readonly ConfigKey TableReport = new("table", "report_every", ConfigKind.Duration, "10s",
        "How often the replica makes its state durable and says so through the log: from there on it goes on after a crash.")
    { Minimum = 100 * Millisecond, Maximum = 60 * Minute };

    public static readonly ConfigKey TableSnapshotEvery = new("table", "snapshot_every", ConfigKind.Integer, "100000", "Entries of the log after which there is a new snapshot.")
    { Minimum = 1, Maximum = 1_000_000_000_000 };

    public static readonly ConfigKey TableEvict = new("table", "evict_after", ConfigKind.Duration, "10m",
        "A replica that is silent for so long does not hold up the trimming of the log any more; when it comes back it may need a snapshot. More than table.report_every.")
    { Minimum = 200 * Millisecond, Maximum = 60 * 24 * 60 * Minute };

    public static readonly ConfigKey TableViews = new("table", "views", ConfigKind.Integer, "1024", "States of the tables that are held for clients' scans and transactions; a quarter of them for one connection.")
    { Minimum = 4, Maximum = 1_000_000 };

    public static readonly ConfigKey TableViewTime = new("table", "view_time", ConfigKind.Duration, "30s", "How long such a state is held after its last use; a scan or transaction that rests for longer has to begin anew.")
    { Minimum = 100 * Millisecond, Maximum = 24 * 60 * Minute };

    public static readonly ConfigKey TableRequests = new("table", "requests", ConfigKind.Integer, "32768", "Requests in hand at a time; a quarter of them of one connection. Those beyond are told to come later.")
    { Minimum = 16, Maximum = 10_000_000 };

    public static readonly ConfigKey TableWatches = new("table", "watches", ConfigKind.Integer, "8192", "Requests among them that wait for changes; a quarter of them of one connection.")
    { Minimum = 4, Maximum = 10_000_000 };

    public static readonly ConfigKey TimeoutHeartbeat = new("timeouts", "heartbeat_interval", ConfigKind.Duration, "100ms",
        "How long a connection may be idle before a ping is sent.")
    { Minimum = 5 * Millisecond, Maximum = Minute };

    public static readonly ConfigKey TimeoutSilence = new("timeouts", "heartbeat_timeout", ConfigKind.Duration, "1s",
        "How long a peer may be silent before it is given up.")
    { Minimum = 20 * Millisecond, Maximum = 10 * Minute };

    public static readonly ConfigKey TimeoutHello = new("timeouts", "hello", ConfigKind.Duration, "5s", "How long a new connection may take to introduce itself.")
    { Minimum = 50 * Millisecond, Maximum = Minute };

    public static readonly ConfigKey TimeoutCheckTail = new("timeouts", "check_tail", ConfigKind.Duration, "1s",
        "How long a sequencer tries to reach a majority for one tail check before it answers 'unavailable'.")
    { Minimum = 50 * Millisecond, Maximum = Minute };

    public static readonly ConfigKey TimeoutStop = new("timeouts", "stop", ConfigKind.Duration, "4s", "How long a clean stop may take.")
    { Minimum = 100 * Millisecond, Maximum = 10 * Minute };

    public static readonly ConfigKey TimeoutReplace = new("timeouts", "replace_logserver", ConfigKind.Duration, "2s",
        "How long a LogServer must be away before a live spare takes its place in new segments.")
    { Minimum = 100 * Millisecond, Maximum = 1000 * Minute };

    public static readonly ConfigKey LoggingLevel = new("logging", "level", ConfigKind.Choice, "information", "Least severe messages that are written.")
    { Choices = ["trace", "debug", "information", "warning", "error", "critical"] };

    public static readonly ConfigKey LoggingFormat = new("logging", "format", ConfigKind.Choice, "simple", "How log lines look on standard error.")
    { Choices = ["simple", "systemd", "json"] };

    public static readonly IReadOnlyList<ConfigKey> All =
    [
        NodeId, NodeListen, NodeAdvertise, NodeData, NodeRehearsal,
        RoleSequencer, RoleLogServer, RoleMetaStore, RoleTable,
        ClusterId, ClusterMetaStore,
        StorageFileSize, StorageSpareFiles, StorageDirect,
        LimitEntry, LimitFrame, LimitBatch, LimitInFlight, LimitWindow, LimitQueued, LimitConnections, LimitClients, LimitRefill,
        TableLog, TableDirectory, TableSnapshots, TableCache, TableWriteBuffer, TableReport, TableSnapshotEvery, TableEvict, TableViews, TableViewTime, TableRequests, TableWatches,
        TimeoutHeartbeat, TimeoutSilence, TimeoutHello, TimeoutCheckTail, TimeoutStop, TimeoutReplace,
        LoggingLevel, LoggingFormat,
    ];

    /// <summary>What each section is about, for the sample file; also the list of sections.</summary>
    public static readonly IReadOnlyList<(string Name, string Doc)> Sections =
    [
        ("node", "Who this node is and where it is reached."),
        ("roles", "What it does."),
        ("cluster", "Which cluster it belongs to."),
        ("storage", "How its disk is used."),
        ("limits", "What it accepts. Sizes: 512, 64KiB, 1MiB, 2GiB."),
        ("table", "Its replica of the tables, if it has the role table."),
        ("timeouts", "How long it waits. Durations: 250us, 100ms, 2s, 5m. None of them takes part in safety."),
        ("logging", "What it writes to standard error."),
    ];

    public static ConfigKey? Find(string section, string name)
    {
        foreach (var key in All)
        {
            if (key.Section == section && key.Name == name) return key;
        }

        return null;
    }
}
