using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log follow</c></summary>
internal static class LogFollowCommand
{
    public static Command Create()
    {
        var from = new Option<long?>("--from") { Description = "First position; negative: that many before the tail. Default: the tail.", HelpName = "POSITION" };
        var count = new Option<long?>("--count", "-n") { Description = "Stop after so many entries.", HelpName = "N" };
        return new Command("follow",
            """
            Prints entries as they are appended, until interrupted.

            Examples:
              delosd log follow
              delosd log follow --from 0 -o json
            """)
        { from, count, LogReadCommand.Positions, LogReadCommand.Base64 }.WithLog().Does(async context =>
        {
            await using var client = context.Connect();
            var log = await ExistingLog.OpenAsync(client, context).ConfigureAwait(false);
            var start = context.Arguments.GetValue(from) ?? -0L;
            if (context.Arguments.GetValue(from) is null or < 0)
            {
                var tail = await context.WithinTimeoutAsync(log.CheckTailAsync).ConfigureAwait(false);
                var first = await context.WithinTimeoutAsync(log.FirstPositionAsync).ConfigureAwait(false);
                start = Math.Max(first, tail + start);
            }

            var left = context.Arguments.GetValue(count) ?? long.MaxValue;
            if (left <= 0) return ExitCode.Ok;
            using var printer = new EntryPrinter(context.Output, Console.OpenStandardOutput(), context.Arguments.GetValue(LogReadCommand.Positions), context.Arguments.GetValue(LogReadCommand.Base64));
            try
            {
                var entries = log.FollowAsync(start, context.Cancelled).GetAsyncEnumerator(context.Cancelled);
                await using (entries.ConfigureAwait(false))
                {
                    while (left-- > 0)
                    {
                        // Whoever waits for the next entry has seen all before it.
                        var next = entries.MoveNextAsync();
                        if (!next.IsCompleted) printer.Flush();
                        if (!await next.ConfigureAwait(false)) break;
                        printer.Print(entries.Current);
                    }
                }
            }
            catch (OperationCanceledException) when (context.Cancelled.IsCancellationRequested)
            {
                // An interrupt is the normal end of following.
                return ExitCode.Ok;
            }

            return ExitCode.Ok;
        });
    }
}
