using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Delos.Protocol.Chains;

namespace Delos.Daemon.Commands;

/// <summary>The options that say how new segments are made, for every command that makes some.</summary>
internal sealed class PolicyOptions
{
    private const string NotStriped = "--stripes and --sharded are for --loglet striped";

    private readonly Option<string?> _loglet = new("--loglet") { Description = "Kind of the new segment's Loglet: native or striped. Default: as the log's policy.", HelpName = "KIND" };
    private readonly Option<int?> _stripes = new("--stripes") { Description = "Loglets of a striped one, each with a sequencer of its own, as far as there are nodes.", HelpName = "N" };
    private readonly Option<bool?> _sharded = new("--sharded") { Description = "Gives each stripe LogServers of its own. Else all stripes share the same.", Arity = ArgumentArity.Zero };
    private readonly Option<int?> _replication = new("--replication") { Description = "LogServers of each new Loglet; of a sharded one, of each stripe.", HelpName = "N" };

    private PolicyOptions()
    {
        _loglet.AcceptOnlyFromAmong("native", "striped");
        _stripes.Validators.Add(Between(1, LogletConfig.MaxStripes));
        _replication.Validators.Add(Between(1, LogletConfig.MaxReplicas));
    }

    public static PolicyOptions AddTo(Command command)
    {
        var options = new PolicyOptions();
        command.Add(options._loglet);
        command.Add(options._stripes);
        command.Add(options._sharded);
        command.Add(options._replication);

        // Before anything is asked of a cluster.
        command.Validators.Add(options.CheckKind);
        return options;
    }

    /// <summary>The policy that the command line asks for; what it does not say is as in <paramref name="present"/>.</summary>
    /// <param name="arguments">Of the command.</param>
    /// <param name="present">The log's, or the default.</param>
    /// <param name="replicas">How many LogServers are named; null: none.</param>
    /// <exception cref="CommandException">Usage: they do not go together.</exception>
    public LogPolicy Read(ParseResult arguments, LogPolicy present, int? replicas = null)
    {
        var stripes = arguments.GetValue(_stripes);
        var sharded = arguments.GetValue(_sharded) is true;
        var kind = arguments.GetValue(_loglet) switch
        {
            "striped" => LogletKind.Striped,
            "native" => LogletKind.Native,
            _ => present.Kind,
        };
        if (kind != LogletKind.Striped && (stripes is not null || sharded)) throw new CommandException(ExitCode.Usage, NotStriped);
        if (kind == LogletKind.Striped && present.Kind != LogletKind.Striped && stripes is null) throw new CommandException(ExitCode.Usage, "--loglet striped needs --stripes N");
        var count = kind == LogletKind.Striped ? stripes ?? present.Stripes : 1;

        // Whoever speaks of stripes speaks of their sharding, too; whoever does not leaves it as it is.
        var isSharded = kind == LogletKind.Striped && (sharded || (stripes is null && present.Sharded));
        var replication = arguments.GetValue(_replication) ?? (replicas is { } named ? isSharded ? Math.Max(1, named / count) : named : present.Replication);
        var policy = new LogPolicy(replication, kind, count, isSharded);
        if (policy.Problem is { } problem) throw new CommandException(ExitCode.Usage, problem);
        return replicas is null || replicas == policy.LogServers
            ? policy
            : throw new CommandException(ExitCode.Usage, $"--replicas names {replicas} nodes; {(isSharded ? $"{count} stripes of {replication} need {policy.LogServers}" : $"--replication says {replication}")}");
    }

    private static Action<OptionResult> Between(int minimum, int maximum) => result =>
    {
        // What is no number is told by the parser.
        if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && (value < minimum || value > maximum))
            result.AddError($"{result.Option.Name} is {minimum} to {maximum}");
    };

    private void CheckKind(CommandResult result)
    {
        if (result.GetResult(_loglet)?.Tokens is [{ Value: "native" }] && (result.GetResult(_stripes) is not null || result.GetResult(_sharded) is not null)) result.AddError(NotStriped);
    }
}
