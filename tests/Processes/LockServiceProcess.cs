using System.Diagnostics;

namespace Delos.Tests.Processes;

/// <summary>One process of the sample <c>client/samples/LockService</c>.</summary>
internal sealed class LockServiceProcess : IAsyncDisposable
{
    private readonly Process _process;

    private LockServiceProcess(Process process) => _process = process;

    /// <summary>In the directory where the sample is built, as this assembly is in <c>tests/bin/CONFIGURATION/FRAMEWORK</c>.</summary>
    private static string Program
    {
        get
        {
            var framework = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
            var configuration = framework.Parent!;
            return Path.Combine(configuration.Parent!.Parent!.Parent!.FullName, "client/samples/LockService/bin", configuration.Name, framework.Name, "LockService.dll");
        }
    }

    /// <param name="endpoints">Of the cluster.</param>
    /// <param name="replica">Its id.</param>
    /// <param name="directory">Of the snapshots.</param>
    /// <param name="store">Of its RocksDB store; null: it is in memory.</param>
    public static LockServiceProcess Start(string endpoints, int replica, string directory, string? store = null)
    {
        string[] arguments = [Program, endpoints, replica.ToString(), directory];
        var start = new ProcessStartInfo("dotnet", store is null ? arguments : [.. arguments, store]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new LockServiceProcess(Process.Start(start) ?? throw new InvalidOperationException("The lock service did not start."));
    }

    public async Task<string> AskAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The lock service ended instead of answering '{command}'.");
    }

    /// <summary>SIGKILL; whoever asks at that moment gets an exception.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It was killed, and did not read what was left.
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
