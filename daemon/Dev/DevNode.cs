using System.Diagnostics;
using System.Globalization;

namespace Delos.Daemon.Dev;

/// <summary>One node of a dev cluster: a real child process with its own directory, which can be killed and started again.</summary>
/// <remarks>
/// The child stops when its standard input ends, so it does not outlive this process even if this one is killed. (A death signal by prctl
/// would follow the thread that started the child, and threads of the pool come and go.)
/// </remarks>
internal sealed class DevNode : IAsyncDisposable
{
    private readonly IReadOnlyList<string> _program;
    private readonly TimeSpan _stopTimeout;
    private Process? _process;
    private StreamWriter? _log;
    private TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _output = Task.CompletedTask;
    private volatile bool _expectedEnd;

    /// <param name="nodeId">Its id.</param>
    /// <param name="address">That it listens on.</param>
    /// <param name="port">That it listens on.</param>
    /// <param name="directory">Its own.</param>
    /// <param name="program">The daemon's path, behind the words that launch it.</param>
    /// <param name="stopTimeout">How long it may take to stop before it is killed.</param>
    public DevNode(uint nodeId, string address, int port, string directory, IReadOnlyList<string> program, TimeSpan stopTimeout)
    {
        NodeId = nodeId;
        Address = address;
        Port = port;
        Directory = directory;
        _program = program;
        _stopTimeout = stopTimeout;
    }

    public uint NodeId { get; }

    public string Address { get; }

    public int Port { get; }

    public string Directory { get; }

    public string ConfigFile => Path.Combine(Directory, "delosd.conf");

    public string DataDirectory => Path.Combine(Directory, "data");

    public string LogFile => Path.Combine(Directory, "delosd.log");

    /// <summary>Told the exit code when the process ends without having been stopped or killed from here.</summary>
    public Action<DevNode, int>? OnDied { get; set; }

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process?.Id ?? 0;

    /// <summary>Starts the process; see <see cref="ReadyAsync"/>.</summary>
    public void Start()
    {
        if (IsRunning) throw new InvalidOperationException($"Node {NodeId} runs already.");
        _process?.Dispose();
        _log?.Dispose();
        _log = new StreamWriter(new FileStream(LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        _ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        string[] command = [.. _program, "run", "--config", ConfigFile, "--stop-with-stdin"];
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in command[1..]) start.ArgumentList.Add(argument);

        // What configures this process, or names its cluster, is not meant for the nodes.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("DELOS_", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(name);
        _expectedEnd = false;
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start.");
        _output = Task.WhenAll(PumpOutputAsync(_process, _ready), PumpErrorsAsync(_process, _log));
    }

    /// <summary>Until the node says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended instead; the message has its last words.</exception>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _ready.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException($"node {NodeId} is not ready in time; its last words:{Environment.NewLine}{LastWords()}", cancellationToken);
        }
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) return;
        _expectedEnd = true;
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync().ConfigureAwait(false);
        await _output.ConfigureAwait(false);
    }

    /// <summary>Clean stop; killed if it takes too long. True if it was clean.</summary>
    public async Task<bool> StopAsync()
    {
        if (_process is not { HasExited: false } process)
        {
            // What it said last may be on its way still.
            await _output.ConfigureAwait(false);
            return true;
        }

        _expectedEnd = true;
        process.StandardInput.Close();
        using var deadline = new CancellationTokenSource(_stopTimeout);
        try
        {
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await KillAsync().ConfigureAwait(false);
            return false;
        }

        await _output.ConfigureAwait(false);
        return process.ExitCode == 0;
    }

    /// <summary>The end of the node's log file, for error messages.</summary>
    public string LastWords()
    {
        if (!File.Exists(LogFile)) return "(nothing)";
        using var stream = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(-Math.Min(stream.Length, 4096), SeekOrigin.End);
        using var reader = new StreamReader(stream);
        return string.Join(Environment.NewLine, reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(8));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _process?.Dispose();
        if (_log is not null) await _log.DisposeAsync().ConfigureAwait(false);
    }

    private async Task PumpOutputAsync(Process process, TaskCompletionSource ready)
    {
        while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            if (line.StartsWith("READY ", StringComparison.Ordinal)) ready.TrySetResult();
        }

        await process.WaitForExitAsync().ConfigureAwait(false);
        if (!_expectedEnd) OnDied?.Invoke(this, process.ExitCode);
        ready.TrySetException(new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
            $"node {NodeId} ended with exit code {process.ExitCode} before it was ready; its last words:{Environment.NewLine}{LastWords()}")));

        // Nobody may be waiting; then the failure is of no interest.
        _ = ready.Task.Exception;
    }

    private static async Task PumpErrorsAsync(Process process, StreamWriter log)
    {
        while (await process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line) await log.WriteLineAsync(line).ConfigureAwait(false);

        // Open no longer than the node runs: its directory may be a file system that is unmounted then.
        await log.DisposeAsync().ConfigureAwait(false);
    }
}
