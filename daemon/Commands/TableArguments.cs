using System.CommandLine;
using System.Globalization;
using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>What the commands about tables have in common.</summary>
internal static class TableArguments
{
    public static readonly Argument<string> Table = new("TABLE") { Description = "Name of the table." };

    public static readonly Argument<string[]> Key = new("KEY") { Description = "The primary key's values, in its order.", Arity = ArgumentArity.OneOrMore };

    public static readonly Option<string?> Columns = new("--columns") { Description = "Columns to print. Default: all.", HelpName = "a,b,…" };

    public static readonly Option<bool> Versions = new("--versions") { Description = "Print each row's version, and when it expires." };

    public static readonly Option<string> Level = new("--level")
    {
        Description = "How fresh: linearizable, stale, after:POSITION, within:DURATION.",
        HelpName = "LEVEL",
        DefaultValueFactory = _ => "linearizable",
    };

    /// <summary>How values are written, for the help of the commands that take some.</summary>
    public const string HowValues =
        """
        Values: int64 42 · double 1.5 · string any text · bytes 0x00ff · bool true · timestamp 2026-01-31T12:00:00Z or microseconds since 1970.
        No value: \N, and null unless the column holds strings.
        """;

    /// <summary>A client for tables whose operations end before <c>--timeout</c>: it knows whether a write may have been done, the command's own limit does not.</summary>
    public static TableClient ConnectTables(this CommandContext context, DelosClient client) => TableClient.Connect(client, TimesWithin(context.Arguments.GetValue(SharedOptions.Timeout)));

    /// <summary>Of a client whose operations end in that time, and ask more than one node in it.</summary>
    public static TableClientOptions TimesWithin(TimeSpan timeout)
    {
        var early = Math.Min(2 * TableClientOptions.Slack.Ticks, timeout.Ticks / 4);
        var attempt = Math.Min(TableClientOptions.Default.AttemptTimeout.Ticks, timeout.Ticks / 4);
        return new TableClientOptions { OperationTimeout = TimeSpan.FromTicks(Math.Max(1, timeout.Ticks - early)), AttemptTimeout = TimeSpan.FromTicks(Math.Max(1, attempt)) };
    }

    /// <exception cref="CommandException">It is none.</exception>
    public static TableReadLevel LevelOf(CommandContext context)
    {
        var text = context.Arguments.GetValue(Level) ?? "";
        if (text == "linearizable") return TableReadLevel.Linearizable;
        if (text == "stale") return TableReadLevel.Stale;
        if (text.StartsWith("after:", StringComparison.Ordinal) && long.TryParse(text.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var position)) return TableReadLevel.After(position);
        if (text.StartsWith("within:", StringComparison.Ordinal) && SharedOptions.Read(text[7..]) is { } age) return TableReadLevel.Within(age);
        throw new CommandException(ExitCode.Usage, $"--level: '{text}' is none of linearizable, stale, after:POSITION, within:DURATION");
    }

    /// <summary>Null: all.</summary>
    public static IReadOnlyList<string>? ColumnsOf(CommandContext context) => context.Arguments.GetValue(Columns) is { Length: > 0 } list ? Split(list) : null;

    public static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries);

    /// <summary>Values of the first columns of a key.</summary>
    /// <exception cref="CommandException">Too many, or one makes no sense.</exception>
    public static CellValue[] KeyOf(IReadOnlyList<Column> columns, IReadOnlyList<string> texts, string what, bool isWhole)
    {
        if (texts.Count > columns.Count || (isWhole && texts.Count != columns.Count))
        {
            throw new CommandException(ExitCode.Usage, $"{what}: {texts.Count} values, but the key has {columns.Count}: {string.Join(", ", columns.Select(static c => c.Name))}");
        }

        return [.. texts.Select((text, i) => CellText.Parse(columns[i], text))];
    }
}
