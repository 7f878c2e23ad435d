using System.Globalization;
using System.Text;
using Delos.Protocol.Entries;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// Where a saved snapshot comes from, as the file <c>origin</c> beside its manifest: a snapshot is the state after some position of one log, and makes sense with that log only.
/// </summary>
/// <param name="ClusterId">The log's cluster.</param>
/// <param name="Log">The log's name.</param>
/// <param name="Snapshot">Its cursor, and who wrote it.</param>
/// <param name="SavedAt">When the copy was finished, by the clock of who saved it.</param>
/// <param name="ManifestCrc">CRC32C of the manifest's bytes, so that no other snapshot's files pass for these.</param>
internal sealed record SnapshotOrigin(Guid ClusterId, string Log, SnapshotInfo Snapshot, DateTimeOffset SavedAt, uint ManifestCrc)
{
    private const string Name = "origin";
    private const string Title = "delos snapshot 1";

    public static string PathIn(string directory) => Path.Combine(directory, Name);

    /// <summary>Null: there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of a later version.</exception>
    public static SnapshotOrigin? Read(string directory)
    {
        try
        {
            return Parse(File.ReadAllText(PathIn(directory))) ?? throw new InvalidDataException($"{PathIn(directory)} is damaged, or of a later version.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Writes it durably.</summary>
    public void Write(string directory) => DurableFile.Write(PathIn(directory), Encoding.UTF8.GetBytes(Format()));

    internal string Format()
    {
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $"{Title}\ncluster = {ClusterId}\nlog = {Log}\ncursor = {Snapshot.Cursor}\nreplica = {Snapshot.Replica}\nsaved = {SavedAt.UtcDateTime:O}\nmanifest = {ManifestCrc:x8}\n");
        return $"{body}crc32c = {Checksum(body)}\n";
    }

    /// <summary>Null: it is damaged, or of a later version.</summary>
    internal static SnapshotOrigin? Parse(string text)
    {
        var lines = text.Split('\n');
        if (lines.Length != 9 || lines[0] != Title || lines[8].Length != 0 || Value(lines[7], "crc32c") != Checksum(string.Join('\n', lines[..7]) + "\n")) return null;
        if (!Guid.TryParse(Value(lines[1], "cluster"), out var cluster) || Value(lines[2], "log") is not { Length: > 0 } log) return null;
        if (!long.TryParse(Value(lines[3], "cursor"), NumberStyles.None, CultureInfo.InvariantCulture, out var cursor)) return null;
        if (!ulong.TryParse(Value(lines[4], "replica"), NumberStyles.None, CultureInfo.InvariantCulture, out var replica)) return null;
        if (!DateTimeOffset.TryParseExact(Value(lines[5], "saved"), "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var saved)) return null;
        if (!uint.TryParse(Value(lines[6], "manifest"), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var manifest)) return null;
        return new SnapshotOrigin(cluster, log, new SnapshotInfo(cursor, replica), saved, manifest);
    }

    private static string? Value(string line, string name) => line.StartsWith(name + " = ", StringComparison.Ordinal) ? line[(name.Length + 3)..] : null;

    private static string Checksum(string body) => Crc32C.Compute(Encoding.UTF8.GetBytes(body)).ToString("x8", CultureInfo.InvariantCulture);
}
