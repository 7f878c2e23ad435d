using System.CommandLine;
using System.Runtime.InteropServices;

namespace Delos.Daemon.Commands;

/// <summary>Runs a command's body: signals cancel it, failures become one clear line on standard error and an exit code.</summary>
internal static class CommandRunner
{
    /// <summary>Sets what the command does and returns it.</summary>
    public static Command Does(this Command command, Func<CommandContext, Task<int>> body)
    {
        command.SetAction((arguments, cancellationToken) => RunAsync(arguments, body, cancellationToken));
        return command;
    }

    public static async Task<int> RunAsync(ParseResult arguments, Func<CommandContext, Task<int>> body, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        try
        {
            return await body(new CommandContext(arguments, stop.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await arguments.InvocationConfiguration.Error.WriteLineAsync("delosd: interrupted").ConfigureAwait(false);
            return ExitCode.Failed;
        }
        catch (Exception e)
        {
            var error = arguments.InvocationConfiguration.Error;
            foreach (var line in e.Message.Split(Environment.NewLine)) await error.WriteLineAsync($"delosd: {line}").ConfigureAwait(false);
            if (Environment.GetEnvironmentVariable("DELOSD_TRACE") == "1") await error.WriteLineAsync(e.ToString()).ConfigureAwait(false);
            return ExitCode.From(e);
        }

        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }
}
