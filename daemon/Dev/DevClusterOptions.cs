namespace Delos.Daemon.Dev;

/// <summary>A cluster of real processes on this machine.</summary>
internal sealed record DevClusterOptions
{
    public required int Nodes { get; init; }

    /// <summary>One directory per node below it; a directory that was used before continues the same cluster.</summary>
    public required string Directory { get; init; }

    /// <summary>Port of node 1, the others follow; 0: free ones, or those of the last time.</summary>
    public int Port { get; init; }

    /// <summary>Extra lines for every node's configuration, as <c>section.key=value</c>.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>Further lines for one node, by its id: in the place of those that all have.</summary>
    public Func<uint, IReadOnlyList<string>> NodeSettings { get; init; } = static _ => [];

    /// <summary>The address that a node listens on, by its id. Addresses other than loopback's need a launcher that puts the node where they exist.</summary>
    public Func<uint, string> Address { get; init; } = _ => "127.0.0.1";

    /// <summary>The daemon that every node runs: the one beside this assembly, whatever process hosts it.</summary>
    public string Executable { get; init; } = Path.Combine(AppContext.BaseDirectory, "delosd");

    /// <summary>Words put before the daemon's own command line, by node id: a program that replaces itself by the daemon, such as <c>ip netns exec NAME</c> or <c>env NAME=VALUE</c>, so that the process id stays.</summary>
    public Func<uint, IReadOnlyList<string>> Launcher { get; init; } = _ => [];

    /// <summary>How long all nodes may take to become ready.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a node may take to stop before it is killed.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Nodes that form the MetaStore: an odd number, 5 at most.</summary>
    public int MetaStoreNodes => Nodes >= 5 ? 5 : Nodes >= 3 ? 3 : 1;
}
