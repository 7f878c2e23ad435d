using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Delos.Client.Tables;
using Delos.Daemon.Commands;

namespace Delos.Tests.Commands;

/// <summary>Commands about tables end within <c>--timeout</c>, whatever does not answer.</summary>
public sealed class TableTimeoutTests
{
    private static readonly string[][] s_commands =
    [
        ["list"], ["describe", "t"], ["create", "t", "id:int64", "--key", "id"], ["drop", "t"], ["get", "t", "1"], ["put", "t", "id=1"], ["del", "t", "1"], ["scan", "t"], ["watch", "t"], ["txn", "put t id=1"], ["export", "t", "-"],
        ["import", "t", "-"],
    ];

    [Test]
    public async Task A_cluster_that_takes_connections_and_never_answers_is_told_in_time()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var endpoints = $"delos://{silent.LocalEndpoint}";
        await Task.WhenAll(s_commands.Select(async words =>
        {
            var (output, error) = (new StringWriter(), new StringWriter());
            var begun = Stopwatch.GetTimestamp();
            var code = await CommandLine.InvokeAsync(["table", .. words, "--endpoints", endpoints, "--timeout", "200ms"], output, error);
            Assert.That(code, Is.EqualTo(ExitCode.Unreachable), $"{words[0]}: {error}");
            Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(4)), words[0]);
            Assert.That(output.ToString(), Is.Empty, words[0]);
        }));
    }

    [TestCase(1)]
    [TestCase(100)]
    [TestCase(1000)]
    [TestCase(30_000)]
    [TestCase(3_600_000)]
    public void What_the_client_does_ends_before_the_command_and_asks_more_than_one_node(int milliseconds)
    {
        var timeout = TimeSpan.FromMilliseconds(milliseconds);
        var times = TableArguments.TimesWithin(timeout);
        Assert.That(times.OperationTimeout, Is.LessThan(timeout));
        if (timeout >= 8 * TableClientOptions.Slack) Assert.That(times.OperationTimeout + TableClientOptions.Slack, Is.LessThan(timeout));
        Assert.That(times.AttemptTimeout * 2, Is.LessThan(times.OperationTimeout).And.GreaterThan(TimeSpan.Zero));
        Assert.That(times.Validate(), Is.SameAs(times));
    }
}
