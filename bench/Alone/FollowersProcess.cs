using System.Diagnostics;
using System.Globalization;

namespace Delos.Bench.Alone;

/// <summary>Readers that follow a log in a process of their own, as most do: this program, called with <see cref="Verb"/>. They end with its standard input.</summary>
internal sealed class FollowersProcess : IAsyncDisposable
{
    public const string Verb = "followers";

    private readonly Process _process;

    private FollowersProcess(Process process) => _process = process;

    /// <summary>Throws <see cref="InvalidOperationException"/> if they could not begin. The log has an entry.</summary>
    public static async Task<FollowersProcess> StartAsync(string endpoints, string log, int count, int clients, CancellationToken cancellationToken)
    {
        string[] arguments = [Verb, endpoints, log, count.ToString(CultureInfo.InvariantCulture), clients.ToString(CultureInfo.InvariantCulture)];
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This program's path is not known.");
        var followers = new FollowersProcess(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("The readers' process was not started."));
        try
        {
            await followers.ReadLineAsync(cancellationToken).ConfigureAwait(false);
            return followers;
        }
        catch
        {
            await followers.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The process itself: says when all readers have the log's first entry, and after each line that it is sent how far they are.</summary>
    public static async Task<int> RunAsync(string endpoints, string log, int count, int clients)
    {
        await using var followers = await Followers.StartAsync(endpoints, log, count, clients, null, CancellationToken.None).ConfigureAwait(false);
        await followers.ReachAsync(0, CancellationToken.None).ConfigureAwait(false);
        Console.WriteLine("following");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is not null)
        {
            await followers.ThrowIfEndedAsync().ConfigureAwait(false);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{followers.DeliveredToAll} {Environment.CpuUsage.TotalTime.TotalSeconds} {Stopwatch.GetElapsedTime(0).TotalSeconds}"));
        }

        return 0;
    }

    /// <summary>Has it note how far they are now; <see cref="ReadMarkAsync"/> tells.</summary>
    public void Mark() => _process.StandardInput.WriteLine();

    /// <summary>The next mark: entries that the readers have had together, the process's user and system time and some clock, in seconds. Throws <see cref="InvalidOperationException"/> if one of them has ended.</summary>
    public async Task<(long Delivered, double Processor, double Clock)> ReadMarkAsync(CancellationToken cancellationToken)
    {
        var fields = (await ReadLineAsync(cancellationToken).ConfigureAwait(false)).Split(' ');
        return (long.Parse(fields[0], CultureInfo.InvariantCulture), double.Parse(fields[1], CultureInfo.InvariantCulture), double.Parse(fields[2], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }
    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        if (await _process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line) return line;
        await _process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        throw new InvalidOperationException($"The readers' process ended with exit code {_process.ExitCode}.");
    }
}
