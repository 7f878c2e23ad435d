using System.CommandLine;
using Delos.Daemon.Dev;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd dev</c></summary>
internal static class DevCommand
{
    public static Command Create()
    {
        var nodes = new Option<int>("--nodes", "-n") { Description = "How many daemons.", HelpName = "N", DefaultValueFactory = _ => 3 };
        var data = new Option<string>("--data", "-d") { Description = "Directory of the cluster; a second start continues it.", HelpName = "DIR", Required = true };
        var port = new Option<int>("--port", "-p") { Description = "Port of node 1, the others follow; 0: free ones, or those of the last time.", HelpName = "P" };
        var tables = new Option<bool>("--tables", "-t") { Description = "Every node keeps a replica of the tables and serves it (roles.table = true)." };
        return new Command("dev",
            """
            Runs a cluster of real processes on this machine until interrupted; prints its endpoints, then 'ready' once it takes appends.

            Example:
              delosd dev --nodes 3 --data /tmp/delos --port 7401
              delosd dev --nodes 3 --data /tmp/delos --port 7401 --tables
            """)
        { nodes, data, port, tables, SharedOptions.Set }.Does(async context =>
        {
            var count = context.Arguments.GetValue(nodes);
            var first = context.Arguments.GetValue(port);
            if (count is < 1 or > 64) throw new CommandException(ExitCode.Usage, "--nodes is 1 to 64");
            if (first < 0 || first + count > 65536) throw new CommandException(ExitCode.Usage, $"--port {first} leaves no room for {count} ports");
            string[] settings = [.. context.Arguments.GetValue(tables) ? (string[])["roles.table=true"] : [], .. context.Arguments.GetValue(SharedOptions.Set) ?? []];
            Configuration.Settings.Load(null, new Dictionary<string, string>(), settings);
            var options = new DevClusterOptions { Nodes = count, Directory = context.Arguments.GetValue(data) ?? ".", Port = first, Settings = settings };
            await using var cluster = await DevCluster.StartAsync(options, context.Cancelled).ConfigureAwait(false);
            foreach (var node in cluster.Nodes) node.OnDied = (n, code) =>
            {
                // An interrupt from the terminal reaches the nodes as well: they stop by themselves, cleanly.
                if (code != 0) context.Error.WriteLine($"delosd: node {n.NodeId} ended with exit code {code}; its log: {n.LogFile}");
            };
            foreach (var node in cluster.Nodes) context.Output.Line($"node {node.NodeId} pid {node.ProcessId} {node.Address}:{node.Port} log {node.LogFile}");
            context.Output.Line($"endpoints {cluster.Endpoints}");
            context.Output.Line("ready");
            await context.Output.Writer.FlushAsync().ConfigureAwait(false);
            await WaitAsync(context.Cancelled).ConfigureAwait(false);
            return await cluster.StopAsync().ConfigureAwait(false) ? ExitCode.Ok : ExitCode.Failed;
        });
    }

    /// <summary>Until the token fires; that is the normal end.</summary>
    public static Task WaitAsync(CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cancellationToken.Register(done.SetResult);
        return done.Task;
    }
}
