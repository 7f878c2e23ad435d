using Delos.Daemon.Commands;

namespace Delos.Daemon;

internal static class Program
{
    private static Task<int> Main(string[] arguments) => CommandLine.InvokeAsync(arguments);
}
