using System.Diagnostics;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Lets every call of one kind that a running process makes fail from now on, without being carried out, by <c>strace</c>. Ends with the process. Needs root and the Debian package strace.
/// </summary>
internal sealed class SyscallErrors : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly Process _strace;
    private readonly Task _messages;
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SyscallErrors(int processId, string call, string error)
    {
        var start = new ProcessStartInfo("strace", ["-f", "-p", $"{processId}", "-e", $"trace={call}", "-e", $"inject={call}:error={error}", "-e", "signal=none", "-o", "/dev/null"]) { RedirectStandardError = true };
        _strace = Process.Start(start) ?? throw new InvalidOperationException("strace did not start.");
        _messages = ReadMessagesAsync();
    }

    /// <param name="processId">The victim.</param>
    /// <param name="call">Name of the system call, as strace knows it.</param>
    /// <param name="error">Name of the error, as in EIO.</param>
    public static async Task<SyscallErrors> StartAsync(int processId, string call, string error)
    {
        var errors = new SyscallErrors(processId, call, error);
        await errors._attached.Task.WaitAsync(s_patience);
        return errors;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_strace.HasExited) _strace.Kill();
        await _strace.WaitForExitAsync();
        await _messages;
        _strace.Dispose();
    }

    private async Task ReadMessagesAsync()
    {
        var said = new List<string>();
        while (await _strace.StandardError.ReadLineAsync() is { } line)
        {
            said.Add(line);
            if (line.Contains("attached", StringComparison.Ordinal)) _attached.TrySetResult();
        }

        _attached.TrySetException(new InvalidOperationException($"strace could not attach (this test needs root): {string.Join("; ", said)}"));
    }
}
