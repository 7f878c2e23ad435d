using System.Diagnostics;

namespace Delos.Tests.Nemesis;

/// <summary>The programs by which faults are made: ip, nft, mount and their like.</summary>
internal static class Shell
{
    /// <summary>Runs a program to its end; what it wrote. Fails the test if it fails: a fault that was not made proves nothing.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output, error) = await TryAsync(program, arguments);
        Assert.That(code, Is.Zero, $"{program} {string.Join(' ', arguments)}: {error}");
        return output;
    }

    /// <summary>Runs a program to its end, whatever comes of it.</summary>
    public static async Task<(int Code, string Output, string Error)> TryAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
