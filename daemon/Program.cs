using Delos.Daemon.Commands;

namespace Delos.Daemon;

internal static class Program
{
    /// <summary>
    /// Whether a socket's completion runs on the thread that learned of it, or is handed to another one. The framework reads it at the first socket, from the environment only. Our read loops never block, so the hop buys
    /// nothing: without it the median latency at one append outstanding was 0.83 of that with it, the throughput at 256 the same (0.92 to 1.06, two runs each).
    /// </summary>
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            OneBuild.Check();
        }
        catch (CommandException e)
        {
            await Console.Error.WriteLineAsync($"delosd: {e.Message}").ConfigureAwait(false);
            return e.Code;
        }

        if (Environment.GetEnvironmentVariable(InlineCompletions) is null) Environment.SetEnvironmentVariable(InlineCompletions, "1");
        return await CommandLine.InvokeAsync(arguments).ConfigureAwait(false);
    }
}
