using System.CommandLine;
using Delos.Daemon.Configuration;
using Delos.Daemon.Node;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd run</c></summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var stopWithStdin = new Option<bool>("--stop-with-stdin") { Description = "Stop when standard input ends.", Hidden = true };
        return new Command("run",
            """
            Runs the node until it is told to stop (SIGTERM, SIGINT). Prints one line 'READY …' on standard output once it serves; logs go to standard error.

            Example:
              delosd run --config /etc/delosd.conf
            """)
        { SharedOptions.Config, SharedOptions.Set, stopWithStdin }.Does(async context =>
        {
            var settings = SharedOptions.LoadSettings(context.Arguments);
            var options = NodeOptions.From(settings);
            using var loggers = HostLogging.Create(settings);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Cancelled);
            if (context.Arguments.GetValue(stopWithStdin)) StopAtEndOfInput(stop);
            await using var node = new NodeHost(options, loggers);
            node.OnReady = line =>
            {
                context.Output.Line(line);
                context.Output.Writer.Flush();
                SystemdNotifier.Notify("READY=1", Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));
            };
            node.OnStopping = () => SystemdNotifier.Notify("STOPPING=1", Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));
            return await node.RunAsync(stop.Token).ConfigureAwait(false) ? ExitCode.Ok : ExitCode.Failed;
        });
    }

    /// <summary>On a thread of its own: a read of standard input cannot be cancelled, and the process may end while it waits.</summary>
    private static void StopAtEndOfInput(CancellationTokenSource stop)
    {
        var thread = new Thread(() =>
        {
            var buffer = new byte[256];
            using var input = Console.OpenStandardInput();
            while (input.Read(buffer) > 0)
            {
            }

            try
            {
                stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The node has stopped by itself.
            }
        })
        { IsBackground = true, Name = "stdin" };
        thread.Start();
    }
}
