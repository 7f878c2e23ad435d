using System.Collections.Concurrent;
using Delos.Client;
using Delos.Daemon.Tables;
using Delos.Runtime;
using Microsoft.Extensions.Logging;

namespace Delos.Tests.TableService;

/// <summary>What hinders the maintenance of tables is said, and not with every attempt.</summary>
public sealed class MaintenanceLoopTests
{
    [Test]
    public async Task A_failing_store_is_reported_when_it_begins_to_fail_when_it_fails_otherwise_and_when_it_works_again()
    {
        var steps = new Queue<Exception?>();
        foreach (var problem in (string[])["disk", "disk", "disk", "dark", "disk", "other disk", "other disk", "", "", "disk", ""]) steps.Enqueue(problem switch
        {
            "" => null,
            "dark" => new DelosException(DelosErrorCode.Unavailable, "The log cannot be reached."),
            _ => new LocalStoreException($"The {problem} fails."),
        });
        var log = new Lines();
        using var stop = new CancellationTokenSource();
        var loop = new MaintenanceLoop(_ => StepAsync(), TimeSpan.FromMilliseconds(1), TimeProvider.System, log);
        await loop.RunAsync(stop.Token).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(log.All, Is.EqualTo(new[] { "Warning The disk fails.", "Warning The other disk fails.", "Information ", "Warning The disk fails.", "Information " }));

        async ValueTask<bool> StepAsync()
        {
            var problem = steps.Dequeue();
            if (steps.Count == 0) await stop.CancelAsync();
            return problem is null ? false : throw problem;
        }
    }

    private sealed class Lines : ILogger
    {
        public ConcurrentQueue<string> All { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Enqueue($"{logLevel} {exception?.Message}");
    }
}
