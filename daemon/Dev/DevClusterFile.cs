using System.Globalization;

namespace Delos.Daemon.Dev;

/// <summary>What a dev cluster's directory remembers of it: the cluster id and the ports, so that a second start continues the same cluster.</summary>
internal sealed record DevClusterFile(Guid ClusterId, IReadOnlyList<int> Ports)
{
    private const string Name = "cluster";

    public static DevClusterFile? Read(string directory)
    {
        var path = Path.Combine(directory, Name);
        if (!File.Exists(path)) return null;
        var lines = File.ReadAllLines(path);
        if (lines.Length != 2 || !Guid.TryParse(lines[0], out var cluster)) throw new InvalidDataException($"{path} is not a dev cluster's file; choose another directory.");
        return new DevClusterFile(cluster, lines[1].Split(',').Select(p => int.Parse(p, CultureInfo.InvariantCulture)).ToList());
    }

    public void Write(string directory) => File.WriteAllLines(Path.Combine(directory, Name), [ClusterId.ToString(), string.Join(',', Ports)]);
}
