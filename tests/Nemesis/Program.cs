using System.ComponentModel;
using System.Diagnostics;

namespace Delos.Tests.Nemesis;

/// <summary>Programs of the system that a test cannot do without: one that is missing or fails fails the test, and is named.</summary>
internal static class Program
{
    /// <exception cref="InvalidOperationException">It is missing, or failed; with what it said.</exception>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {(await error).Trim()} (exit code {process.ExitCode}; this test needs root)");
        return await output;
    }

    /// <summary>For tidying up: true if it succeeded.</summary>
    public static bool Run(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && output.IsCompleted;
    }

    private static Process Start(string program, string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"{program} is missing on this machine, and this test needs it: {e.Message}", e);
        }
    }
}
