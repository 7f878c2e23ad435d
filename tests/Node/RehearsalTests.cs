using Delos.Daemon.Node;
using Microsoft.Extensions.Logging;

namespace Delos.Tests.Node;

public class RehearsalTests
{
    private string _parent = "";

    [SetUp]
    public void MakeParent() => _parent = Directory.CreateTempSubdirectory("delos-rehearsal-").FullName;

    [TearDown]
    public void DeleteParent() => Directory.Delete(_parent, recursive: true);

    [Test]
    public async Task Rehearsal_comes_to_its_end_and_leaves_nothing_behind()
    {
        var logger = new Lines();
        await Rehearsal.RunAsync(Path.Combine(_parent, "rehearsal"), logger, CancellationToken.None);
        Assert.That(logger.All, Is.EqualTo(new[] { 910 }));
        Assert.That(Directory.EnumerateFileSystemEntries(_parent), Is.Empty);
    }

    [Test]
    public async Task Rehearsal_that_fails_is_told_and_harms_nothing()
    {
        var logger = new Lines();
        var file = Path.Combine(_parent, "file");
        await File.WriteAllTextAsync(file, "not a directory");
        await Rehearsal.RunAsync(Path.Combine(file, "rehearsal"), logger, CancellationToken.None);
        Assert.That(logger.All, Is.EqualTo(new[] { 911 }));
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("not a directory"));
    }

    [Test]
    public async Task Rehearsal_ends_at_once_when_the_node_stops()
    {
        var logger = new Lines();
        await Rehearsal.RunAsync(Path.Combine(_parent, "rehearsal"), logger, new CancellationToken(canceled: true)).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(logger.All, Is.Empty);
        Assert.That(Directory.EnumerateFileSystemEntries(_parent), Is.Empty);
    }

    private sealed class Lines : ILogger
    {
        public List<int> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Add(eventId.Id);
    }
}
