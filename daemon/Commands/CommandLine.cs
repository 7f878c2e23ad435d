using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary>The whole command line of delosd; each command stands in its own file.</summary>
internal static class CommandLine
{
    public static RootCommand Build()
    {
        var root = new RootCommand(
            """
            Delos: a replicated, durable, reconfigurable shared log.

            Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded, 4 unreachable, 5 not found, 6 conflict.

            Try it:
              delosd dev --nodes 3 --data /tmp/delos --port 7401
              export DELOS_ENDPOINTS=delos://127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
              delosd log append "hello"
              delosd log read
            """)
        {
            InitCommand.Create(),
            RunCommand.Create(),
            DevCommand.Create(),
            new Command("config", "Checks and shows the configuration.") { ConfigCheckCommand.Create(), ConfigShowCommand.Create() },
            StatusCommand.Create(),
            new Command("log", "Appends to and reads from a log.")
            {
                LogAppendCommand.Create(), LogReadCommand.Create(), LogFollowCommand.Create(), LogTailCommand.Create(), LogTrimCommand.Create(), LogEditCommand.Create(), LogListCommand.Create(),
            },
            new Command("chain", "Shows and changes a log's chain of segments.") { ChainShowCommand.Create(), ChainHistoryCommand.Create(), ChainReconfigureCommand.Create() },
            new Command("loglet", "Looks at and seals the Loglets behind a log.") { LogletDescribeCommand.Create(), LogletSealCommand.Create() },
            new Command("node", "Manages the node list.") { NodeReplaceCommand.Create() },
            new Command("table", "Makes, reads and writes tables.")
            {
                TableListCommand.Create(), TableCreateCommand.Create(), TableDescribeCommand.Create(), TableAlterCommand.Create(), TableDropCommand.Create(),
                TablePutCommand.Create(), TableGetCommand.Create(), TableDelCommand.Create(), TableScanCommand.Create(), TableWatchCommand.Create(),
                TableTxnCommand.Create(), TableImportCommand.Create(), TableExportCommand.Create(),
            },
            new Command("snapshot", "Saves the tables' snapshots, and restores them.") { SnapshotListCommand.Create(), SnapshotSaveCommand.Create(), SnapshotVerifyCommand.Create(), SnapshotRestoreCommand.Create() },
            new Command("bench", "Measures.") { BenchAppendCommand.Create(), BenchTableCommand.Create(), BenchFailoverCommand.Create() },
        };
        return root;
    }

    /// <summary>Parses and runs; usage errors end with <see cref="ExitCode.Usage"/>.</summary>
    public static Task<int> InvokeAsync(string[] arguments, TextWriter? output = null, TextWriter? error = null) => InvokeAsync(Build(), arguments, output, error);

    /// <summary>The same for another program's commands, whose bodies <see cref="CommandRunner"/> runs.</summary>
    public static async Task<int> InvokeAsync(Command root, string[] arguments, TextWriter? output = null, TextWriter? error = null)
    {
        var configuration = new InvocationConfiguration
        {
            // CommandRunner handles signals and failures itself.
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
        };
        if (output is not null) configuration.Output = output;
        if (error is not null) configuration.Error = error;
        var parsed = root.Parse(arguments);
        var code = await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        return parsed.Errors.Count > 0 ? ExitCode.Usage : code;
    }
}
