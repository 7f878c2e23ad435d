using Delos.Daemon.Dev;

namespace Delos.Bench.Alone;

/// <summary>One thing that is measured on clusters of its own.</summary>
internal interface IMeasurement
{
    /// <summary>As on the command line.</summary>
    string Name { get; }

    /// <param name="bench">What is measured on.</param>
    /// <param name="cancellationToken">Ends it early, by an exception.</param>
    /// <returns>Its results, as Markdown.</returns>
    Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken);
}

/// <summary>Where a measurement takes its clusters from.</summary>
/// <param name="plan">How long and how often.</param>
/// <param name="directory">For the clusters' data.</param>
internal sealed class Workbench(AlonePlan plan, string directory)
{
    private int _clusters;

    public AlonePlan Plan => plan;

    /// <summary>File names and contents (SVG) that go beside the results.</summary>
    public List<(string Name, string Svg)> Plots { get; } = [];

    /// <summary>A new cluster of real daemons.</summary>
    /// <param name="nodes">How many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="settings">Of a node, by its id, as <c>section.key=value</c>.</param>
    public Task<DevCluster> StartAsync(int nodes, CancellationToken cancellationToken, Func<uint, IReadOnlyList<string>>? settings = null) => DevCluster.StartAsync(
        new DevClusterOptions { Nodes = nodes, Directory = Path.Combine(directory, $"cluster-{++_clusters}"), Executable = plan.Delosd, NodeSettings = settings ?? (static _ => []) }, cancellationToken);
}
