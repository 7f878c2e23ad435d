using System.CommandLine;
using System.Globalization;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd chain history</c></summary>
internal static class ChainHistoryCommand
{
    public static Command Create() => new Command("history", "Shows who changed a log's chain, when (by that one's clock) and why.\n\nExample: delosd chain history -o json").WithLog().Does(async context =>
    {
        await using var client = context.Connect();
        var log = context.Arguments.GetValue(SharedOptions.Log) ?? "default";
        var chain = await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(log, token)).ConfigureAwait(false);
        var rows = new List<string[]>();
        foreach (var edit in chain.History)
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(edit.UnixMilliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var kind = edit.Kind.ToString().ToLowerInvariant();
            rows.Add([ChainPrinter.Text(edit.Version), at, kind, edit.By == 0 ? "client" : $"node {edit.By}", edit.Reason]);
            if (!context.Output.IsJson) continue;
            context.Output.JsonObject(json =>
            {
                json.WriteNumber("version", edit.Version);
                json.WriteString("at", at);
                json.WriteString("kind", kind);
                json.WriteNumber("by", edit.By);
                json.WriteString("reason", edit.Reason);
            });
        }

        if (!context.Output.IsJson) context.Output.Table(["VERSION", "AT", "EDIT", "BY", "REASON"], rows);
        return ExitCode.Ok;
    });
}
