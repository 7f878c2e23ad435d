using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log read</c></summary>
internal static class LogReadCommand
{
    public static readonly Option<bool> Positions = new("--positions", "-p") { Description = "Print each entry's position before it." };

    public static readonly Option<bool> Base64 = new("--base64") { Description = "Print the entries in base64." };

    public static Command Create()
    {
        var from = new Option<long?>("--from") { Description = "First position. Default: the first that is not trimmed.", HelpName = "POSITION" };
        var until = new Option<long?>("--until") { Description = "First position not to read. Default: the tail.", HelpName = "POSITION" };
        var count = new Option<long?>("--count", "-n") { Description = "At most so many entries.", HelpName = "N" };
        return new Command("read",
            """
            Prints the entries of a log, one per line, up to its tail.

            Examples:
              delosd log read --count 10 --positions
              delosd log read --log events --from 1000 --until 2000 -o json
            """)
        { from, until, count, Positions, Base64 }.WithLog().Does(async context =>
        {
            await using var client = context.Connect();
            var log = await ExistingLog.OpenAsync(client, context).ConfigureAwait(false);
            var start = context.Arguments.GetValue(from) ?? await context.WithinTimeoutAsync(log.FirstPositionAsync).ConfigureAwait(false);
            var left = context.Arguments.GetValue(count) ?? long.MaxValue;
            if (start < 0 || left < 0) throw new CommandException(ExitCode.Usage, "--from and --count are 0 or more");
            using var printer = new EntryPrinter(context.Output, Console.OpenStandardOutput(), context.Arguments.GetValue(Positions), context.Arguments.GetValue(Base64));
            if (left == 0) return ExitCode.Ok;
            await foreach (var entry in log.ReadAsync(start, context.Arguments.GetValue(until) ?? long.MaxValue, context.Cancelled).ConfigureAwait(false))
            {
                printer.Print(entry);
                if (--left == 0) break;
            }

            return ExitCode.Ok;
        });
    }
}
