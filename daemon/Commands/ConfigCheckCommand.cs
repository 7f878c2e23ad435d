using System.CommandLine;
using Delos.Daemon.Configuration;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd config check</c></summary>
internal static class ConfigCheckCommand
{
    public static Command Create() => new Command("check", "Reads the configuration as 'run' would and lists every mistake with its line.\n\nExample: delosd config check --config /etc/delosd.conf")
    {
        SharedOptions.Config, SharedOptions.Set,
    }.Does(context =>
    {
        var options = NodeOptions.From(SharedOptions.LoadSettings(context.Arguments));
        context.Output.Line($"ok: node {options.NodeId}, roles {options.Roles.ToString().ToLowerInvariant()}, data {options.DataDirectory}");
        return Task.FromResult(ExitCode.Ok);
    });
}
