using System.CommandLine;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table create</c></summary>
internal static class TableCreateCommand
{
    public static readonly Option<string[]> Index = new("--index") { Description = "An index; may be given several times.", HelpName = "name=a,b" };

    public static readonly Option<string[]> Unique = new("--unique") { Description = "A unique index; may be given several times.", HelpName = "name=a,b" };

    public static readonly Option<TimeSpan?> Ttl = new("--ttl") { Description = "Rows expire so long after they were put, unless they say otherwise.", HelpName = "DURATION", CustomParser = SharedOptions.ParseOptionalDuration };

    public static readonly Option<long?> MaxRows = new("--max-rows") { Description = "Most rows.", HelpName = "N" };

    public static readonly Option<long?> MaxBytes = new("--max-bytes") { Description = "Most bytes of rows.", HelpName = "N" };

    public static readonly Option<int?> MaxRowBytes = new("--max-row-bytes") { Description = "Most bytes of one row.", HelpName = "N" };

    public static readonly Option<long?> Changes = new("--changes") { Description = $"Changes kept for watches and transactions. Default: {TableLimits.DefaultRetainedChanges}.", HelpName = "N" };

    public static Command Create()
    {
        var columns = new Argument<string[]>("COLUMN") { Description = "The columns.", Arity = ArgumentArity.OneOrMore };
        var key = new Option<string>("--key", "-k") { Description = "Columns of the primary key, in its order.", HelpName = "a,b,…", Required = true };
        return new Command("create",
            $"""
            Creates a table.

            {ColumnText.HowColumns}

            Example:
              delosd table create users id:int64 name:string? age:int64=0 mail:string? --key id --index by_name=name --unique by_mail=mail
            """)
        { TableArguments.Table, columns, key, Index, Unique, Ttl, MaxRows, MaxBytes, MaxRowBytes, Changes }.WithCluster().Does(async context =>
        {
            var create = new CreateTable(
                context.Arguments.GetValue(TableArguments.Table)!,
                [.. (context.Arguments.GetValue(columns) ?? []).Select(ColumnText.ParseColumn)],
                TableArguments.Split(context.Arguments.GetValue(key) ?? ""),
                Indexes(context),
                SettingsOf(context, TableSettings.Default));
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            await context.WithinTimeoutAsync(token => tables.CreateTableAsync(create, token)).ConfigureAwait(false);
            if (context.Output.IsJson) TableDescribeCommand.Print(context.Output, await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(create.Name, cancellationToken: token)).ConfigureAwait(false));
            else context.Output.Line($"created table {create.Name}");
            return ExitCode.Ok;
        });
    }

    public static IReadOnlyList<IndexDefinition> Indexes(CommandContext context) =>
        [.. (context.Arguments.GetValue(Index) ?? []).Select(static i => ColumnText.ParseIndex(i, unique: false)), .. (context.Arguments.GetValue(Unique) ?? []).Select(static i => ColumnText.ParseIndex(i, unique: true))];

    /// <summary>What is not given is as before.</summary>
    public static TableSettings SettingsOf(CommandContext context, TableSettings before) => new(
        context.Arguments.GetValue(MaxRows) ?? before.MaxRows,
        context.Arguments.GetValue(MaxBytes) ?? before.MaxBytes,
        context.Arguments.GetValue(MaxRowBytes) ?? before.MaxRowBytes,
        context.Arguments.GetValue(Ttl) is { } ttl ? (long)ttl.TotalMicroseconds : before.TtlMicros,
        context.Arguments.GetValue(Changes) ?? before.RetainedChanges,
        before.RetainedChangeBytes);
}
