using System.Text.Json;
using Delos.LocalStorage;
using Delos.Protocol.Entries;

namespace Delos.Daemon.Commands;

/// <summary>How far an import of a file is, kept beside the file, so that it can go on after an interruption. Rows are put, so doing some of them again does no harm.</summary>
/// <param name="TableId">Of the table that exists now: another one of the same name has none of the rows.</param>
/// <param name="Length">Of the file, bytes.</param>
/// <param name="Changed">When the file was changed last, in ticks.</param>
/// <param name="Checksum">CRC32C of the file's first MiB.</param>
/// <param name="Rows">So many, from the first on, are in the table.</param>
internal sealed record ImportProgress(uint TableId, long Length, long Changed, uint Checksum, long Rows)
{
    private const int Checked = 1 << 20;

    public static string PathFor(string file, string table) => $"{file}.{table}.import";

    /// <summary>Of an import that begins.</summary>
    public static ImportProgress Begin(FileStream file, uint tableId)
    {
        var head = new byte[Math.Min(Checked, file.Length)];
        file.ReadExactly(head);
        file.Position = 0;
        return new ImportProgress(tableId, file.Length, File.GetLastWriteTimeUtc(file.SafeFileHandle).Ticks, Crc32C.Compute(head), 0);
    }

    /// <summary>As it was kept; null: nothing was.</summary>
    /// <exception cref="CommandException">What is there is of something else.</exception>
    public static ImportProgress? Load(string path, ImportProgress begun)
    {
        if (!File.Exists(path)) return null;
        ImportProgress? kept = null;
        try
        {
            kept = JsonSerializer.Deserialize(File.ReadAllBytes(path), ImportProgressJson.Default.ImportProgress);
        }
        catch (JsonException)
        {
            // Said below.
        }

        if (kept is not null && kept.Rows >= 0 && kept with { Rows = 0 } == begun) return kept;
        throw new CommandException(ExitCode.Conflict, $"{path} is of another import: the file or the table has changed since; give --restart to import all of it");
    }

    /// <summary>Takes the place of what was kept before, whole or not at all.</summary>
    /// <exception cref="IoException">It cannot be written.</exception>
    public void Save(string path) => DurableFile.Write(Path.GetFullPath(path), JsonSerializer.SerializeToUtf8Bytes(this, ImportProgressJson.Default.ImportProgress));
}

[System.Text.Json.Serialization.JsonSerializable(typeof(ImportProgress))]
internal sealed partial class ImportProgressJson : System.Text.Json.Serialization.JsonSerializerContext;
