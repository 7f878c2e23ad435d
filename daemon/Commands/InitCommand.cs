using System.CommandLine;
using Delos.Daemon.Configuration;
using Delos.Daemon.Node;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd init</c></summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var data = new Option<string?>("--data", "-d") { Description = "The data directory. Default: node.data of the configuration.", HelpName = "DIR" };
        var cluster = new Option<string?>("--cluster-id") { Description = "The cluster's id; 'new' on the first node of a new cluster. Default: cluster.id of the configuration.", HelpName = "GUID|new" };
        var node = new Option<uint?>("--node-id") { Description = "This node's number. Default: node.id of the configuration.", HelpName = "N" };
        var replace = new Option<bool>("--replace") { Description = "The node is known to the cluster and its former disk is lost; 'delosd node replace' must follow." };
        return new Command("init",
            """
            First start of a node's disk: writes its identity (cluster id, node id, a random disk id). Refuses a disk that has one.

            Examples:
              delosd init --data /var/lib/delos --cluster-id new --node-id 1
              delosd init --config /etc/delosd.conf --cluster-id 0b1d… --node-id 2
            """)
        { SharedOptions.Config, SharedOptions.Set, data, cluster, node, replace, SharedOptions.Output }.Does(context =>
        {
            var arguments = context.Arguments;
            var settings = SharedOptions.LoadSettings(arguments);
            var directory = Path.GetFullPath(arguments.GetValue(data) ?? settings.Text(ConfigKeys.NodeData));
            var nodeId = arguments.GetValue(node) ?? (uint)settings.Number(ConfigKeys.NodeId);
            if (nodeId == 0) throw new CommandException(ExitCode.Usage, "no node id: give --node-id N (1 and up) or set node.id");
            var clusterId = ClusterId(arguments.GetValue(cluster), settings.Guid(ConfigKeys.ClusterId));
            var isReplacement = arguments.GetValue(replace);
            if (IdentityFile.Read(directory) is not null) throw new CommandException(ExitCode.Conflict, $"{directory} has an identity already; 'delosd init' is for empty disks only");
            try
            {
                Directory.CreateDirectory(directory);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.Failed, $"{directory} cannot be created: {e.Message}");
            }

            if (Directory.EnumerateFileSystemEntries(directory).FirstOrDefault(f => Path.GetFileName(f) != "lost+found") is { } entry)
            {
                throw new CommandException(ExitCode.Conflict, $"{directory} is not empty ({Path.GetFileName(entry)}); 'delosd init' is for empty disks only");
            }

            var identity = new NodeIdentity(clusterId, nodeId, Guid.NewGuid());
            IdentityFile.Create(directory, identity, isReplacement);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteString("clusterId", identity.ClusterId);
                    json.WriteNumber("nodeId", identity.NodeId);
                    json.WriteString("diskId", identity.DiskId);
                    json.WriteString("data", directory);
                });
            }
            else
            {
                context.Output.Line($"initialised {directory}: cluster {identity.ClusterId}, node {identity.NodeId}, disk {identity.DiskId}");
                if (isReplacement) context.Output.Line($"now run: delosd node replace {identity.NodeId} --disk {identity.DiskId}");
            }

            return Task.FromResult(ExitCode.Ok);
        });
    }

    private static Guid ClusterId(string? given, Guid configured)
    {
        if (given is null) return configured != Guid.Empty ? configured : throw new CommandException(ExitCode.Usage, "no cluster id: give --cluster-id GUID, or 'new' on the first node, or set cluster.id");
        var id = given == "new" ? Guid.NewGuid() : Guid.TryParse(given, out var parsed) && parsed != Guid.Empty ? parsed : throw new CommandException(ExitCode.Usage, $"--cluster-id: '{given}' is neither a GUID nor 'new'");
        return configured == Guid.Empty || configured == id ? id : throw new CommandException(ExitCode.Usage, $"--cluster-id {id} contradicts cluster.id = {configured}");
    }
}
