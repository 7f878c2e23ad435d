namespace Delos.Daemon.Commands;

/// <summary>How rows stand in a file.</summary>
internal enum RowFormat
{
    /// <summary>Comma-separated values (RFC 4180), the first line names the columns.</summary>
    Csv,

    /// <summary>A JSON object on each line.</summary>
    Jsonl,
}

/// <summary>Options and rules that import and export share.</summary>
internal static class RowFormats
{
    public const string How =
        """
        csv: the first line names the columns. Nothing between two commas is no value, "" an empty text.
        jsonl: a JSON object on each line, a property for each column; bytes as "0x00ff", timestamps as text. Exact for all values.
        """;

    public static System.CommandLine.Option<string?> NewOption()
    {
        var option = new System.CommandLine.Option<string?>("--format", "-f") { Description = "csv or jsonl. Default: what the file's name ends with, else csv.", HelpName = "FORMAT" };
        option.AcceptOnlyFromAmong("csv", "jsonl");
        return option;
    }

    public static RowFormat Of(string? given, string path) =>
        (given ?? Path.GetExtension(path).TrimStart('.').ToLowerInvariant()) is "jsonl" or "ndjson" or "json" ? RowFormat.Jsonl : RowFormat.Csv;
}
