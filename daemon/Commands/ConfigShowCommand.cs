using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd config show</c></summary>
internal static class ConfigShowCommand
{
    public static Command Create() => new Command("show", "Shows every effective value and where it came from.\n\nExample: DELOS_NODE_ID=2 delosd config show -o json")
    {
        SharedOptions.Config, SharedOptions.Set, SharedOptions.Output,
    }.Does(context =>
    {
        var settings = SharedOptions.LoadSettings(context.Arguments);
        if (context.Output.IsJson)
        {
            foreach (var setting in settings.All)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteString("key", setting.Key.FullName);
                    json.WriteString("value", setting.Text);
                    json.WriteString("source", setting.Source);
                });
            }
        }
        else
        {
            context.Output.Table(["KEY", "VALUE", "SOURCE"], settings.All.Select(s => new[] { s.Key.FullName, s.Text, s.Source }).ToList());
        }

        return Task.FromResult(ExitCode.Ok);
    });
}
