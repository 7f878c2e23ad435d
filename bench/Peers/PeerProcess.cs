using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Delos.Bench.Peers;

/// <summary>One server process, whose output goes to a file.</summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StreamWriter _output;
    private readonly Task _pumps;

    private PeerProcess(Process process, string outputFile)
    {
        _process = process;
        _output = new StreamWriter(outputFile) { AutoFlush = true };
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError));
    }

    public int Id => _process.Id;

    public bool IsRunning => !_process.HasExited;

    public static PeerProcess Start(string outputFile, IReadOnlyDictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new PeerProcess(Process.Start(start) ?? throw new PeerException($"{program} did not start."), outputFile);
    }

    /// <summary>What a program prints.</summary>
    public static async Task<string> OutputAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }) ?? throw new PeerException($"{program} did not start.");
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return output.Length > 0 ? output : await error.ConfigureAwait(false);
    }

    public static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners) listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners) listener.Dispose();
        return ports;
    }

    /// <summary>User and system time of all threads so far. Zero for a process that is gone.</summary>
    public static TimeSpan ProcessorTime(int processId)
    {
        try
        {
            // The command's name, in parentheses, may hold blanks.
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromSeconds((long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0);
        }
        catch (IOException)
        {
            return TimeSpan.Zero;
        }
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        if (IsRunning) _process.Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await _pumps.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        await _output.DisposeAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task PumpAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (_output) _output.WriteLine(line);
        }
    }
}
