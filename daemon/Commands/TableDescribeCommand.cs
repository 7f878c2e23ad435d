using System.CommandLine;
using System.Text.Json;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table describe</c></summary>
internal static class TableDescribeCommand
{
    public static Command Create() => new Command("describe",
        """
        Shows a table's columns, indexes, settings and size.

        Example:
          delosd table describe users
        """)
    { TableArguments.Table, TableArguments.Level }.WithCluster().Does(async context =>
    {
        await using var client = context.Connect();
        var table = await context.WithinTimeoutAsync(token => context.ConnectTables(client).DescribeTableAsync(context.Arguments.GetValue(TableArguments.Table)!, TableArguments.LevelOf(context), token)).ConfigureAwait(false);
        Print(context.Output, table);
        return ExitCode.Ok;
    });

    public static void Print(Output output, TableDescription table)
    {
        if (output.IsJson)
        {
            output.JsonObject(json => Write(json, table));
            return;
        }

        var schema = table.Schema;
        output.Line($"table {schema.Name}: {table.Rows} rows, {table.Bytes} bytes, generation {schema.Generation}");
        output.Line($"keeps changes after {table.ChangesAfter}: {table.Changes}, {table.ChangeBytes} bytes");
        foreach (var (name, value) in SettingsOf(schema.Settings)) output.Line($"{name} = {value}");
        output.Line("");
        output.Table(["COLUMN", "TYPE", "NULL", "DEFAULT", "KEY"], [.. schema.Columns.Select(c => new[]
        {
            c.Name,
            CellText.TypeOf(c.Type),
            c.Nullable ? "yes" : "no",
            CellText.Format(c.Default),
            schema.IsKey(c.Id) ? ChainPrinter.Text(schema.PrimaryKey.ToList().IndexOf(c.Id) + 1) : "",
        })]);
        if (schema.Indexes.Count == 0) return;
        output.Line("");
        output.Table(["INDEX", "COLUMNS", "UNIQUE", "STATE", "PROBLEM"], [.. schema.Indexes.Select(i => new[] { i.Name, string.Join(",", ColumnsOf(schema, i)), i.Unique ? "yes" : "no", StateOf(i), i.Problem })]);
    }

    public static void Write(Utf8JsonWriter json, TableDescription table)
    {
        var schema = table.Schema;
        json.WriteString("name", schema.Name);
        json.WriteNumber("id", schema.Id);
        json.WriteNumber("generation", schema.Generation);
        json.WriteNumber("rows", table.Rows);
        json.WriteNumber("bytes", table.Bytes);
        json.WriteNumber("changes", table.Changes);
        json.WriteNumber("changeBytes", table.ChangeBytes);
        json.WriteString("changesAfter", table.ChangesAfter.ToString());
        json.WriteStartArray("columns");
        foreach (var column in schema.Columns)
        {
            json.WriteStartObject();
            json.WriteString("name", column.Name);
            json.WriteString("type", CellText.TypeOf(column.Type));
            json.WriteBoolean("nullable", column.Nullable);
            json.WritePropertyName("default");
            CellText.Write(json, column.Default);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("key");
        foreach (var column in schema.KeyColumns) json.WriteStringValue(column.Name);
        json.WriteEndArray();
        json.WriteStartArray("indexes");
        foreach (var index in schema.Indexes)
        {
            json.WriteStartObject();
            json.WriteString("name", index.Name);
            json.WriteStartArray("columns");
            foreach (var column in ColumnsOf(schema, index)) json.WriteStringValue(column);
            json.WriteEndArray();
            json.WriteBoolean("unique", index.Unique);
            json.WriteString("state", StateOf(index));
            json.WriteString("problem", index.Problem);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("settings");
        foreach (var (name, value) in SettingsOf(schema.Settings)) json.WriteNumber(name, value);
        json.WriteEndObject();
    }

    /// <summary>Those that are set.</summary>
    private static IEnumerable<(string Name, long Value)> SettingsOf(TableSettings settings)
    {
        (string Name, long Value)[] all =
        [
            ("maxRows", settings.MaxRows), ("maxBytes", settings.MaxBytes), ("maxRowBytes", settings.MaxRowBytes), ("ttlMicros", settings.TtlMicros),
            ("retainedChanges", settings.RetainedChanges), ("retainedChangeBytes", settings.RetainedChangeBytes),
        ];
        return all.Where(static s => s.Value != 0);
    }

    private static IEnumerable<string> ColumnsOf(TableSchema schema, IndexSchema index) => index.Columns.Select(id => schema.Columns[schema.OrdinalOf(id)].Name);

    private static string StateOf(IndexSchema index) => index.State.ToString().ToLowerInvariant();
}
