using System.CommandLine;
using System.CommandLine.Parsing;
using Delos.Daemon.Configuration;

namespace Delos.Daemon.Commands;

/// <summary>Options that several commands have, spelled and explained alike everywhere.</summary>
internal static class SharedOptions
{
    public static readonly Option<string?> Endpoints = new("--endpoints", "-e")
    {
        Description = "The cluster: delos://host:port,host:port (its MetaStore nodes, or some of them). Default: DELOS_ENDPOINTS.",
        HelpName = "delos://…",
    };

    public static readonly Option<string> Output = CreateOutput();

    public static readonly Option<string> Log = new("--log", "-l")
    {
        Description = "Name of the log.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "default",
    };

    public static readonly Option<TimeSpan> Timeout = Duration("--timeout", "How long to wait for the cluster's answer.", "30s");

    public static readonly Option<string?> Config = new("--config", "-c") { Description = "Configuration file (INI). Default: DELOS_CONFIG, else ./delosd.conf if there is one.", HelpName = "FILE" };

    public static readonly Option<string[]> Set = new("--set")
    {
        Description = "Overrides one configuration key; may be given several times.",
        HelpName = "section.key=value",
    };

    /// <summary>Adds what every command that talks to a cluster has.</summary>
    public static Command WithCluster(this Command command, bool timeout = true)
    {
        command.Add(Endpoints);
        command.Add(Output);
        if (timeout) command.Add(Timeout);
        return command;
    }

    public static Command WithLog(this Command command)
    {
        command.Add(Log);
        return command.WithCluster();
    }

    public static Option<TimeSpan> Duration(string name, string description, string byDefault) => new(name)
    {
        Description = $"{description} [default: {byDefault}]",
        HelpName = "DURATION",
        CustomParser = ParseDuration,
        DefaultValueFactory = result => Read(byDefault) ?? throw new InvalidOperationException($"'{byDefault}' is no duration."),
    };

    public static TimeSpan? ParseOptionalDuration(ArgumentResult result) => ParseDuration(result);

    /// <summary>The settings of <c>--config</c>, environment and <c>--set</c>.</summary>
    public static Settings LoadSettings(ParseResult arguments)
    {
        var file = arguments.GetValue(Config) ?? Environment.GetEnvironmentVariable("DELOS_CONFIG");
        if (string.IsNullOrEmpty(file)) file = File.Exists("delosd.conf") ? "delosd.conf" : null;
        return Settings.Load(file, ProcessEnvironment(), arguments.GetValue(Set) ?? []);
    }

    private static Dictionary<string, string> ProcessEnvironment()
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry pair in Environment.GetEnvironmentVariables())
        {
            if (pair is { Key: string key, Value: string value } && key.StartsWith("DELOS_", StringComparison.OrdinalIgnoreCase)) result[key] = value;
        }

        return result;
    }

    private static Option<string> CreateOutput()
    {
        var option = new Option<string>("--output", "-o") { Description = "How results are printed: table or json (streams: one object per line).", HelpName = "FORMAT", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", "json");
        return option;
    }

    private static TimeSpan ParseDuration(ArgumentResult result)
    {
        if (Read(result.Tokens[0].Value) is { } value) return value;
        result.AddError($"'{result.Tokens[0].Value}' is not a duration like 250ms, 5s or 2m.");
        return default;
    }

    /// <summary>Up to what a timer takes.</summary>
    private static readonly ConfigKey AnyDuration = new("", "", ConfigKind.Duration, "", "") { Maximum = (long)TimeSpan.FromHours(1000).TotalMicroseconds };

    /// <summary>Null: it is no duration.</summary>
    public static TimeSpan? Read(string text) => ConfigValues.Parse(AnyDuration, text, out _) is long microseconds ? TimeSpan.FromMicroseconds(microseconds) : null;
}
