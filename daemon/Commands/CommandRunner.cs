using System.CommandLine;
using System.Runtime.InteropServices;

namespace Delos.Daemon.Commands;

/// <summary>Runs a command's body: signals cancel it, failures become one clear line on standard error and an exit code.</summary>
internal static class CommandRunner
{
    /// <summary>Sets what the command does and returns it.</summary>
    /// <param name="command">Whose arguments have been parsed.</param>
    /// <param name="body">Returns the exit code.</param>
    /// <param name="program">Who says what went wrong.</param>
    public static Command Does(this Command command, Func<CommandContext, Task<int>> body, string program = "delosd")
    {
        command.SetAction((arguments, cancellationToken) => RunAsync(program, arguments, body, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string program, ParseResult arguments, Func<CommandContext, Task<int>> body, CancellationToken cancellationToken)
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
            await arguments.InvocationConfiguration.Error.WriteLineAsync($"{program}: interrupted").ConfigureAwait(false);
            return ExitCode.Failed;
        }
        catch (Exception e)
        {
            var error = arguments.InvocationConfiguration.Error;
            foreach (var line in e.Message.Split(Environment.NewLine)) await error.WriteLineAsync($"{program}: {line}").ConfigureAwait(false);
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
