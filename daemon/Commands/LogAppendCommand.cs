using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log append</c></summary>
internal static class LogAppendCommand
{
    /// <summary>Appends that may be unanswered at a time; enough to fill every batch on the way.</summary>
    private const int Outstanding = 4096;

    public static Command Create()
    {
        var text = new Argument<string?>("TEXT") { Description = "The entry; '-' appends every line of standard input.", Arity = ArgumentArity.ZeroOrOne };
        var file = new Option<string?>("--file", "-f") { Description = "Append every line of a file, without its line feed.", HelpName = "FILE" };
        var base64 = new Option<bool>("--base64") { Description = "TEXT or the lines are base64 of the entries." };
        var positions = new Option<bool>("--positions", "-p") { Description = "Print the position of every entry." };
        return new Command("append",
            """
            Appends entries; each is durable on a majority of the log's servers when its position is printed.

            Examples:
              delosd log append "hello"
              delosd log append --log events --file events.txt
              tail -F app.log | delosd log append - --positions
            """)
        { text, file, base64, positions }.WithLog().Does(async context =>
        {
            var given = context.Arguments.GetValue(text);
            var path = context.Arguments.GetValue(file);
            if ((given is null) == (path is null)) throw new CommandException(ExitCode.Usage, "give either TEXT, or --file FILE, or '-' for standard input");
            await using var client = context.Connect();
            var log = client.Log(context.Arguments.GetValue(SharedOptions.Log) ?? "default");
            var decode = context.Arguments.GetValue(base64);
            if (path is null && given != "-")
            {
                var entry = Decode(Encoding.UTF8.GetBytes(given ?? ""), decode);
                var position = await context.WithinTimeoutAsync(token => log.AppendAsync(entry, token)).ConfigureAwait(false);
                if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteNumber("position", position));
                else context.Output.Line($"{position}");
                return ExitCode.Ok;
            }

            await using var stream = path is null ? Console.OpenStandardInput() : Open(path);
            await AppendLinesAsync(context, log, stream, decode, context.Arguments.GetValue(positions)).ConfigureAwait(false);
            return ExitCode.Ok;
        });
    }

    private static async Task AppendLinesAsync(CommandContext context, DelosLog log, Stream stream, bool base64, bool positions)
    {
        var pending = new Queue<Task<long>>(Outstanding);
        var started = Stopwatch.GetTimestamp();
        var answered = started;
        var longestGap = TimeSpan.Zero;
        long entries = 0, bytes = 0, first = -1, last = -1;
        await foreach (var line in LineReader.ReadAsync(stream, context.Cancelled).ConfigureAwait(false))
        {
            var entry = Decode(line, base64);
            bytes += entry.Length;
            if (pending.Count == 0) answered = Stopwatch.GetTimestamp();
            pending.Enqueue(log.AppendAsync(entry, context.Cancelled).AsTask());

            // What is answered is told at once, so that a slow pipe shows each position as it is made.
            while (pending.Count >= Outstanding || (pending.Count > 0 && pending.Peek().IsCompleted)) await CompleteAsync().ConfigureAwait(false);
        }

        while (pending.Count > 0) await CompleteAsync().ConfigureAwait(false);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (context.Output.IsJson)
        {
            context.Output.JsonObject(json =>
            {
                json.WriteNumber("entries", entries);
                json.WriteNumber("bytes", bytes);
                json.WriteNumber("first", first);
                json.WriteNumber("last", last);
                json.WriteNumber("seconds", Math.Round(seconds, 3));
                json.WriteNumber("longest_gap_ms", Math.Round(longestGap.TotalMilliseconds, 1));
            });
        }
        else if (!positions)
        {
            context.Output.Line(entries == 0 ? "appended nothing" : $"appended {entries} entries ({bytes} bytes) at {first} to {last} in {seconds:F2} s, longest wait for an answer {longestGap.TotalMilliseconds:F0} ms");
        }

        async Task CompleteAsync()
        {
            last = await pending.Dequeue().ConfigureAwait(false);
            NoteAnswer();
            if (entries++ == 0) first = last;
            if (!positions) return;
            if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteNumber("position", last));
            else context.Output.Line($"{last}");
        }

        // Between two answers, while something was outstanding: what a reconfiguration costs shows here.
        void NoteAnswer()
        {
            var now = Stopwatch.GetTimestamp();
            var gap = Stopwatch.GetElapsedTime(answered, now);
            if (entries > 0 && gap > longestGap) longestGap = gap;
            answered = now;
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, e.Message);
        }
    }

    private static byte[] Decode(byte[] bytes, bool base64)
    {
        if (!base64) return bytes;
        try
        {
            return Convert.FromBase64String(Encoding.ASCII.GetString(bytes));
        }
        catch (FormatException e)
        {
            throw new CommandException(ExitCode.Usage, $"--base64: {e.Message}");
        }
    }
}
