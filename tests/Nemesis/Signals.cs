using System.Diagnostics;

namespace Delos.Tests.Nemesis;

/// <summary>Signals to other processes.</summary>
internal static class Signals
{
    /// <param name="signal">Name without SIG.</param>
    /// <param name="processId">A process that the test started.</param>
    public static async Task SendAsync(string signal, int processId)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{processId}"]);
        await kill.WaitForExitAsync();
        Assert.That(kill.ExitCode, Is.Zero, $"kill -{signal} {processId}");
    }
}
