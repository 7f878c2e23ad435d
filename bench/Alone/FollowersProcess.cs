using System.Diagnostics;
using System.Globalization;
using Delos.Bench.Peers;

namespace Delos.Bench.Alone;

/// <summary>Readers that follow a log in a process of their own, as most do: this program, called with <see cref="Verb"/>. They end with its standard input.</summary>
internal sealed class FollowersProcess : IAsyncDisposable
{
    public const string Verb = "followers";

    private readonly Process _process;

    private FollowersProcess(Process process) => _process = process;

    /// <summary>User and system time so far.</summary>
    public TimeSpan ProcessorTime => PeerProcess.ProcessorTime(_process.Id);

    /// <summary>Throws <see cref="InvalidOperationException"/> if they could not begin.</summary>
    public static async Task<FollowersProcess> StartAsync(string endpoints, string log, int count, CancellationToken cancellationToken)
    {
        string[] arguments = [Verb, endpoints, log, count.ToString(CultureInfo.InvariantCulture)];
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This program's path is not known.");
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("The readers' process was not started.");
        var followers = new FollowersProcess(process);
        if (await process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false) is not null) return followers;
        await followers.DisposeAsync().ConfigureAwait(false);
        throw new InvalidOperationException($"The readers' process ended with {process.ExitCode}.");
    }

    /// <summary>The process itself: says when all readers follow.</summary>
    public static async Task<int> RunAsync(string endpoints, string log, int count)
    {
        await using var followers = await Followers.StartAsync(endpoints, log, count, null, CancellationToken.None).ConfigureAwait(false);
        Console.WriteLine("following");
        await Console.In.ReadLineAsync().ConfigureAwait(false);
        Console.WriteLine(followers.Delivered);
        await Console.In.ReadToEndAsync().ConfigureAwait(false);
        return 0;
    }

    /// <summary>How many entries the slowest of them has had. To be asked once.</summary>
    public async Task<long> DeliveredAsync()
    {
        await _process.StandardInput.WriteLineAsync().ConfigureAwait(false);
        return long.Parse(await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false) ?? "0", CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }
}
