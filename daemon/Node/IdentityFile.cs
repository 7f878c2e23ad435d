using System.Globalization;
using System.Text;
using Delos.LocalStorage;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Node;

/// <summary>The file <c>identity</c> in a node's data directory: written once by <c>delosd init</c>, checked at every start (DESIGN §3, LogServer rule 6).</summary>
internal static class IdentityFile
{
    public const string Name = "identity";
    private const string Title = "delos identity 1";

    public static string PathIn(string dataDirectory) => Path.Combine(dataDirectory, Name);

    /// <summary>Null if the directory has none.</summary>
    /// <exception cref="NodeStartException">It is damaged, or of a version that this one does not know.</exception>
    public static DiskIdentity? Read(string dataDirectory)
    {
        var path = PathIn(dataDirectory);
        string text;
        try
        {
            if (!File.Exists(path)) return null;
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NodeStartException($"{path}: cannot be read: {e.Message}", e);
        }

        return Parse(text) ?? throw new NodeStartException($"{path}: is damaged or of an unknown version. If this disk's contents are lost, initialise an empty directory and run 'delosd node replace'.");
    }

    /// <summary>Writes it durably: a crash leaves either no identity or the whole one.</summary>
    /// <exception cref="NodeStartException">There is one already.</exception>
    public static void Create(string dataDirectory, NodeIdentity identity, bool isReplacement)
    {
        if (Read(dataDirectory) is { } present)
        {
            throw new NodeStartException(
                $"{dataDirectory} is initialised already: node {present.Identity.NodeId} of cluster {present.Identity.ClusterId}, disk {present.Identity.DiskId}. An identity is written only once; choose an empty directory.");
        }

        DurableFile.Write(PathIn(dataDirectory), Encoding.UTF8.GetBytes(Format(identity, isReplacement)));
    }

    internal static string Format(NodeIdentity identity, bool isReplacement)
    {
        var body = string.Create(CultureInfo.InvariantCulture,
            $"{Title}\ncluster = {identity.ClusterId}\nnode = {identity.NodeId}\ndisk = {identity.DiskId}\nreplacement = {(isReplacement ? "true" : "false")}\n");
        return $"{body}crc32c = {Checksum(body)}\n";
    }

    internal static DiskIdentity? Parse(string text)
    {
        var lines = text.Split('\n');
        if (lines.Length != 7 || lines[0] != Title || lines[6].Length != 0) return null;
        if (Value(lines[5], "crc32c") != Checksum(string.Join('\n', lines[..5]) + "\n")) return null;
        if (!Guid.TryParse(Value(lines[1], "cluster"), out var cluster) || cluster == Guid.Empty) return null;
        if (!uint.TryParse(Value(lines[2], "node"), NumberStyles.None, CultureInfo.InvariantCulture, out var node) || node == 0) return null;
        if (!Guid.TryParse(Value(lines[3], "disk"), out var disk) || disk == Guid.Empty) return null;
        if (!bool.TryParse(Value(lines[4], "replacement"), out var replacement)) return null;
        return new DiskIdentity(new NodeIdentity(cluster, node, disk), replacement);
    }

    private static string? Value(string line, string name) => line.StartsWith(name + " = ", StringComparison.Ordinal) ? line[(name.Length + 3)..] : null;

    private static string Checksum(string body) => Crc32C.Compute(Encoding.UTF8.GetBytes(body)).ToString("x8", CultureInfo.InvariantCulture);
}
