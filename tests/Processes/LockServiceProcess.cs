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

    public static LockServiceProcess Start(string endpoints, int replica, string directory)
    {
        var start = new ProcessStartInfo("dotnet", [Program, endpoints, replica.ToString(), directory]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new LockServiceProcess(Process.Start(start) ?? throw new InvalidOperationException("The lock service did not start."));
    }

    public async Task<string> AskAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The lock service ended instead of answering '{command}'.");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
