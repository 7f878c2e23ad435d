using Delos.Daemon.Dev;
using Delos.Tests.Nemesis;

namespace Delos.Tests.Processes;

/// <summary>Runs commands of one kind against a cluster, as a user does.</summary>
internal sealed class CommandRuns(DevCluster cluster, string command)
{
    /// <summary>What it printed; it must succeed.</summary>
    public Task<string> RunAsync(params string[] arguments) => Shell.RunAsync(cluster.Executable, [command, .. arguments, "--endpoints", cluster.Endpoints]);

    /// <summary>Its exit code; it must fail, and say why on one line.</summary>
    public async Task<int> FailsAsync(params string[] arguments)
    {
        var (code, output, error) = await Shell.TryAsync(cluster.Executable, [command, .. arguments, "--endpoints", cluster.Endpoints]);
        Assert.That((code != 0, output), Is.EqualTo((true, "")));
        Assert.That(error, Does.StartWith("delosd: "));
        return code;
    }
}
