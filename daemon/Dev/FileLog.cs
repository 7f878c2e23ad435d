using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Dev;

/// <summary>Writes log messages to a file, with the time to the millisecond, as the nodes do: to lay beside their log files.</summary>
internal sealed class FileLog(string path) : ILoggerProvider, ILogger
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _file = new(path) { AutoFlush = true };

    public void WriteLine(string line)
    {
        lock (_lock) _file.WriteLine($"{DateTime.Now:HH:mm:ss.fff} {line}");
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        WriteLine($"{logLevel}: {formatter(state, exception)}");

    public void Dispose() => _file.Dispose();
}
