using System.CommandLine;
using Delos.Client;
using Delos.Daemon.Configuration;

namespace Delos.Daemon.Commands;

/// <summary>What a command has while it runs: its parsed arguments, where it writes, and its cluster.</summary>
internal sealed class CommandContext(ParseResult arguments, CancellationToken cancellationToken)
{
    public ParseResult Arguments { get; } = arguments;

    public CancellationToken Cancelled { get; } = cancellationToken;

    public TextWriter Error => Arguments.InvocationConfiguration.Error;

    public Output Output { get; } = new(arguments.InvocationConfiguration.Output, arguments.GetResult(SharedOptions.Output) is not null && arguments.GetValue(SharedOptions.Output) == "json");

    /// <summary>The cluster that <c>--endpoints</c> or DELOS_ENDPOINTS names.</summary>
    /// <exception cref="CommandException">Neither is given, or it makes no sense.</exception>
    public DelosClient Connect(DelosClientOptions? options = null)
    {
        var endpoints = Arguments.GetValue(SharedOptions.Endpoints);
        if (string.IsNullOrWhiteSpace(endpoints)) endpoints = Environment.GetEnvironmentVariable("DELOS_ENDPOINTS");
        if (string.IsNullOrWhiteSpace(endpoints)) throw new CommandException(ExitCode.Usage, "no cluster named: give --endpoints delos://host:port,… or set DELOS_ENDPOINTS");
        try
        {
            return DelosClient.Connect(endpoints, options);
        }
        catch (FormatException e)
        {
            throw new CommandException(ExitCode.Usage, $"--endpoints: {e.Message}");
        }
    }

    /// <summary>
    /// Runs the body with a deadline for commands that need a cluster to answer: an unreachable one is an error after <c>--timeout</c>, not an endless wait.
    /// </summary>
    public async Task<T> WithinTimeoutAsync<T>(Func<CancellationToken, ValueTask<T>> body)
    {
        var timeout = Arguments.GetValue(SharedOptions.Timeout);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        deadline.CancelAfter(timeout);
        try
        {
            return await body(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!Cancelled.IsCancellationRequested)
        {
            throw new CommandException(ExitCode.Unreachable, $"no answer within {ConfigValues.FormatDuration((long)timeout.TotalMicroseconds)}: is a majority of the cluster up? (--timeout waits longer)");
        }
    }
}
