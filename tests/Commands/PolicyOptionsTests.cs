using System.CommandLine;
using Delos.Daemon.Commands;
using Delos.Protocol.Chains;

namespace Delos.Tests.Commands;

/// <summary>The policy that a command line asks for.</summary>
public sealed class PolicyOptionsTests
{
    private static readonly LogPolicy s_native = LogPolicy.Native(3);
    private static readonly LogPolicy s_striped = LogPolicy.Striped(3, 4);
    private static readonly LogPolicy s_sharded = LogPolicy.Striped(3, 2, sharded: true);

    private static IEnumerable<TestCaseData> Possible =>
    [
        new TestCaseData("", s_native, null, s_native),
        new TestCaseData("", s_sharded, null, s_sharded),
        new TestCaseData("--replication 5", s_native, null, LogPolicy.Native(5)),
        new TestCaseData("--replication 5", s_sharded, null, LogPolicy.Striped(5, 2, sharded: true)),
        new TestCaseData("--loglet striped --stripes 3", s_native, null, LogPolicy.Striped(3, 3)),
        new TestCaseData("--loglet striped --stripes 2 --sharded", s_native, null, s_sharded),
        new TestCaseData("--loglet striped", s_sharded, null, s_sharded),
        new TestCaseData("--stripes 5", s_striped, null, LogPolicy.Striped(3, 5)),
        new TestCaseData("--stripes 5", s_sharded, null, LogPolicy.Striped(3, 5)),
        new TestCaseData("--sharded", s_striped, null, LogPolicy.Striped(3, 4, sharded: true)),
        new TestCaseData("--loglet native", s_sharded, null, s_native),
        new TestCaseData("", s_native, 5, LogPolicy.Native(5)),
        new TestCaseData("", s_striped, 5, LogPolicy.Striped(5, 4)),
        new TestCaseData("", s_sharded, 6, s_sharded),
        new TestCaseData("--loglet striped --stripes 3 --sharded", s_native, 9, LogPolicy.Striped(3, 3, sharded: true)),
    ];

    private static IEnumerable<TestCaseData> Impossible =>
    [
        new TestCaseData("--loglet striped", s_native, null, "--stripes N"),
        new TestCaseData("--stripes 2", s_native, null, "--loglet striped"),
        new TestCaseData("--sharded", s_native, null, "--loglet striped"),
        new TestCaseData("--replication 3", s_native, 5, "names 5 nodes; --replication says 3"),
        new TestCaseData("", s_sharded, 5, "names 5 nodes; 2 stripes of 2 need 4"),
        new TestCaseData("--replication 3", s_sharded, 4, "names 4 nodes; 2 stripes of 3 need 6"),
        new TestCaseData("", s_sharded, 1, "names 1 nodes; 2 stripes of 1 need 2"),
    ];

    [TestCaseSource(nameof(Possible))]
    public void What_is_not_said_stays_as_it_is(string arguments, LogPolicy present, int? replicas, LogPolicy expected) => Assert.That(Read(arguments, present, replicas), Is.EqualTo(expected));

    [TestCaseSource(nameof(Impossible))]
    public void What_does_not_go_together_is_wrong_usage_and_said(string arguments, LogPolicy present, int? replicas, string text)
    {
        var failure = Assert.Throws<CommandException>(() => Read(arguments, present, replicas))!;
        Assert.That((failure.Code, failure.Message), Is.EqualTo((ExitCode.Usage, failure.Message)));
        Assert.That(failure.Message, Does.Contain(text));
    }

    private static LogPolicy Read(string arguments, LogPolicy present, int? replicas)
    {
        var command = new RootCommand();
        var options = PolicyOptions.AddTo(command);
        var parsed = command.Parse(arguments);
        Assert.That(parsed.Errors, Is.Empty);
        return options.Read(parsed, present, replicas);
    }
}
