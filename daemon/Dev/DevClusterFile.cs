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
        var ports = new List<int>();
        foreach (var text in lines.Length == 2 ? lines[1].Split(',') : [])
        {
            if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)) ports.Add(port);
            else ports.Clear();
        }

        if (lines.Length != 2 || ports.Count != lines[1].Split(',').Length || !Guid.TryParse(lines[0], out var cluster)) throw new InvalidDataException($"{path} is not a dev cluster's file; choose another directory.");
        return new DevClusterFile(cluster, ports);
    }

    public void Write(string directory) => File.WriteAllLines(Path.Combine(directory, Name), [ClusterId.ToString(), string.Join(',', Ports)]);
}
