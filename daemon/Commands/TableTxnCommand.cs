using System.CommandLine;
using System.Text;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table txn</c></summary>
internal static class TableTxnCommand
{
    public static Command Create()
    {
        var operations = new Argument<string[]>("OPERATION") { Description = "One operation each; '-' reads them from standard input, one on a line; lines that begin with # are passed over.", Arity = ArgumentArity.OneOrMore };
        return new Command("txn",
            $"""
            Does several operations, on any tables: all of them or none. Prints the version that all rows have then. Exit code 6: a condition did not hold, and nothing was done.

            {OperationText.How}

            {TableArguments.HowValues}

            Examples:
              delosd table txn 'update accounts id=1 balance=90 if balance=100' 'update accounts id=2 balance=60 if balance=50'
              delosd table txn - < changes.txt
            """)
        { operations }.WithCluster().Does(async context =>
        {
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var schemas = new Dictionary<string, TableSchema>(StringComparer.Ordinal);
            var ops = new List<TableOp>();
            await foreach (var line in LinesAsync(context.Arguments.GetValue(operations) ?? [], context.Cancelled).ConfigureAwait(false))
            {
                var words = OperationText.Words(line);
                var name = OperationText.TableOf(words);
                if (!schemas.TryGetValue(name, out var schema)) schemas[name] = schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false)).Schema;
                ops.Add(OperationText.Parse(schema, words));
            }

            if (ops.Count == 0) throw new CommandException(ExitCode.Usage, "there is no operation");
            var (reply, next) = await context.WithinTimeoutAsync(token => tables.TryWriteAsync(ops, token)).ConfigureAwait(false);
            if (!reply.IsOk) throw new CommandException(ExitCode.From(reply.Status), reply.FailedOp < 0 ? reply.Message : $"operation {reply.FailedOp + 1}: {reply.Message}; nothing was done");
            Print(context.Output, reply, next);
            return ExitCode.Ok;
        });
    }

    private static async IAsyncEnumerable<string> LinesAsync(string[] operations, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (operations is not ["-"])
        {
            foreach (var operation in operations) yield return operation;
            yield break;
        }

        await using var input = Console.OpenStandardInput();
        await foreach (var bytes in LineReader.ReadAsync(input, cancellationToken).ConfigureAwait(false))
        {
            var line = Encoding.UTF8.GetString(bytes).Trim();
            if (line.Length > 0 && line[0] != '#') yield return line;
        }
    }

    private static void Print(Output output, TableReply reply, long next)
    {
        if (!output.IsJson)
        {
            output.Line($"{reply.Results.Select(static r => r.Version).Max()}");
            return;
        }

        output.JsonObject(json =>
        {
            json.WriteNumber("next", next);
            json.WriteStartArray("results");
            foreach (var result in reply.Results)
            {
                json.WriteStartObject();
                json.WriteString("version", result.Version.ToString());
                json.WriteString("former", result.Former.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
