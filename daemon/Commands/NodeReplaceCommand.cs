using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd node replace</c></summary>
internal static class NodeReplaceCommand
{
    public static Command Create()
    {
        var node = new Argument<uint>("NODE") { Description = "Node id whose disk was lost." };
        var disk = new Option<Guid?>("--disk") { Description = "Disk id that 'delosd init --replace' printed on the new disk.", HelpName = "GUID", Required = true };
        var expected = new Option<Guid?>("--expect-disk") { Description = "Act only if this is the disk that the node list has now.", HelpName = "GUID" };
        return new Command("replace",
            """
            Gives a node id a new disk, after the old one was lost or wiped. The copies on the old disk are then gone for good.

            Example:
              delosd init --config /etc/delosd.conf --cluster-id G --node-id 2 --replace
              delosd node replace 2 --disk 6f1c…
            """)
        { node, disk, expected }.WithCluster().Does(async context =>
        {
            var id = context.Arguments.GetValue(node);
            var newDisk = context.Arguments.GetValue(disk) ?? throw new CommandException(ExitCode.Usage, "--disk is needed");
            await using var client = context.Connect();
            await context.WithinTimeoutAsync(async token =>
            {
                await client.Admin.ReplaceNodeAsync(id, newDisk, context.Arguments.GetValue(expected), token).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteNumber("nodeId", id);
                    json.WriteString("diskId", newDisk);
                });
            }
            else
            {
                context.Output.Line($"node {id} has disk {newDisk} now; start its daemon");
            }

            return ExitCode.Ok;
        });
    }
}
