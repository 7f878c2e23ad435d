using System.CommandLine;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table put</c></summary>
internal static class TablePutCommand
{
    public static Command Create()
    {
        var values = new Argument<string[]>("COLUMN=VALUE") { Description = "The row; columns that are left out take their default.", Arity = ArgumentArity.OneOrMore };
        var insert = new Option<bool>("--insert") { Description = "Only if there is no row with that key." };
        var update = new Option<bool>("--update") { Description = "Only if there is a row with that key; the columns that are left out stay as they are." };
        var ttl = new Option<TimeSpan?>("--ttl") { Description = "The row expires after so long.", HelpName = "DURATION", CustomParser = SharedOptions.ParseOptionalDuration };
        return new Command("put",
            $"""
            Writes one row, and prints its version. Exit code 6: there is one (--insert), 5: there is none (--update).

            {TableArguments.HowValues}

            Examples:
              delosd table put users id=1 name=Ann mail=ann@example.org
              delosd table put users id=1 age=42 --update
            """)
        { TableArguments.Table, values, insert, update, ttl }.WithCluster().Does(async context =>
        {
            var name = context.Arguments.GetValue(TableArguments.Table)!;
            if (context.Arguments.GetValue(insert) && context.Arguments.GetValue(update)) throw new CommandException(ExitCode.Usage, "either --insert or --update");
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false)).Schema;
            var row = RowText.Parse(schema, context.Arguments.GetValue(values) ?? []);
            var expiry = context.Arguments.GetValue(ttl) is { } time ? Expiry.After(time) : Expiry.Default;
            var op = context.Arguments.GetValue(insert) ? TableOp.Insert(name, row, expiry) : context.Arguments.GetValue(update) ? Update(schema, row, expiry) : TableOp.Put(name, row, expiry);
            var written = await context.WithinTimeoutAsync(token => tables.WriteAsync([op], token)).ConfigureAwait(false);
            var version = written.Results[0].Version;
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteString("version", version.ToString());
                    json.WriteNumber("next", written.Next);
                });
            }
            else
            {
                context.Output.Line($"{version}");
            }

            return ExitCode.Ok;
        });
    }

    private static TableOp Update(TableSchema schema, Row row, Expiry expiry)
    {
        var (key, rest) = RowText.Split(schema, row);
        return new TableOp(OpKind.Update, schema.Name, key, rest, [], expiry);
    }
}
