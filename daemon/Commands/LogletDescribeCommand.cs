using System.CommandLine;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd loglet describe</c></summary>
internal static class LogletDescribeCommand
{
    public static Command Create()
    {
        var loglet = new Argument<string?>("LOGLET") { Description = "Id of one Loglet. Default: every segment of the log.", Arity = ArgumentArity.ZeroOrOne };
        return new Command("describe", "Shows what each replica of a log's Loglets says of itself.\n\nExample: delosd loglet describe --log events")
        { loglet }.WithLog().Does(async context =>
        {
            LogletId? only = null;
            if (context.Arguments.GetValue(loglet) is { } text)
            {
                if (!LogletId.TryParse(text, out var id)) throw new CommandException(ExitCode.Usage, $"'{text}' is not a Loglet id (32 hexadecimal digits)");
                only = id;
            }

            await using var client = context.Connect();
            var name = context.Arguments.GetValue(SharedOptions.Log) ?? "default";
            var view = await context.WithinTimeoutAsync(async token =>
            {
                var chain = await client.Admin.ChainAsync(name, token).ConfigureAwait(false);
                var nodes = await client.Admin.NodesAsync(token).ConfigureAwait(false);
                return LogView.From(name, chain, nodes.Select(NodeView.From).ToList());
            }).ConfigureAwait(false);
            var replicas = view.Replicas.Where(r => only is null || r.Loglet == only || r.Segment.Loglet.Id == only).ToList();
            if (replicas.Count == 0) throw new CommandException(ExitCode.NotFound, $"the chain of log '{name}' has no such Loglet");
            if (context.Output.IsJson)
            {
                foreach (var replica in replicas)
                {
                    context.Output.JsonObject(json =>
                    {
                        json.WriteString("loglet", replica.Loglet.ToString());
                        json.WriteString("segment", replica.Segment.Loglet.Id.ToString());
                        json.WriteNumber("start", replica.Segment.Start);
                        json.WriteNumber("nodeId", replica.NodeId);
                        json.WriteBoolean("isSequencer", replica.IsSequencer);
                        json.WriteString("state", replica.State);
                        json.WriteNumber("behind", replica.Behind);
                        if (replica.Line is not { } line) return;
                        json.WriteBoolean("sealed", line.Sealed);
                        json.WriteNumber("durableTail", line.DurableTail);
                        json.WriteNumber("globalTail", line.GlobalTail);
                        json.WriteNumber("trimPoint", line.TrimPoint);
                        json.WriteBoolean("hasUnknown", line.HasUnknown);
                        json.WriteNumber("bytes", line.Bytes);
                    });
                }

                return ExitCode.Ok;
            }

            context.Output.Table(["LOGLET", "START", "NODE", "STATE", "DURABLE TAIL", "GLOBAL TAIL", "TRIMMED", "BEHIND"], replicas.Select(r => new[]
            {
                r.Loglet.ToString(),
                ChainPrinter.Text(r.Segment.Start),
                ChainPrinter.Text(r.NodeId) + (r.IsSequencer ? " (sequencer)" : ""),
                r.State,
                r.Line is null ? "" : ChainPrinter.Text(r.Line.DurableTail),
                r.Line is null ? "" : ChainPrinter.Text(r.Line.GlobalTail),
                r.Line is null ? "" : ChainPrinter.Text(r.Line.TrimPoint),
                ChainPrinter.Text(r.Behind),
            }).ToList());
            return ExitCode.Ok;
        });
    }
}
