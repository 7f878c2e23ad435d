using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The bytes of a schema and of its parts, in the store and in answers. See docs/tables.md.</summary>
public static class SchemaCodec
{
    private const byte Format = 1;

    public static byte[] Encode(TableSchema schema)
    {
        var bytes = new ByteBuilder(512);
        Write(bytes, schema);
        return bytes.ToArray();
    }

    /// <summary>Null if the bytes are no schema that holds together.</summary>
    public static TableSchema? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        var schema = Read(ref reader);
        return reader.IsComplete ? schema : null;
    }

    internal static void Write(ByteBuilder bytes, TableSchema schema)
    {
        bytes.U8(Format);
        bytes.U32(schema.Id);
        bytes.Text(schema.Name);
        bytes.U32(schema.Generation);
        bytes.U16(schema.NextColumnId);
        bytes.U32((uint)schema.Columns.Count);
        foreach (var column in schema.Columns)
        {
            bytes.U16(column.Id);
            WriteColumn(bytes, column.Name, column.Type, column.Nullable, column.Default);
        }

        WriteIds(bytes, schema.PrimaryKey);
        bytes.U32((uint)schema.Indexes.Count);
        foreach (var index in schema.Indexes)
        {
            bytes.U32(index.Id);
            bytes.Text(index.Name);
            WriteIds(bytes, index.Columns);
            bytes.Bool(index.Unique);
            bytes.U8((byte)index.State);
            bytes.Text(index.Problem);
        }

        Write(bytes, schema.Settings);
        schema.Created.Write(bytes);
    }

    internal static TableSchema? Read(ref MessageReader reader)
    {
        if (reader.U8() != Format) reader.Fail();
        var id = reader.U32();
        var name = reader.Text();
        var generation = reader.U32();
        var nextColumnId = reader.U16();
        var columns = new Column[CountUpTo(ref reader, 9, TableLimits.Columns)];
        var former = -1;
        for (var i = 0; i < columns.Length; i++)
        {
            var columnId = reader.U16();
            var column = ReadColumn(ref reader);
            if (columnId <= former || columnId >= nextColumnId) reader.Fail();
            former = columnId;
            columns[i] = new Column(columnId, column.Name, column.Type, column.Nullable, column.Default);
        }

        var primaryKey = ReadIds(ref reader, columns);
        var indexes = new IndexSchema[CountUpTo(ref reader, 18, TableLimits.IndexesOfTable)];
        for (var i = 0; i < indexes.Length; i++)
        {
            var index = new IndexSchema(reader.U32(), reader.Text(), ReadIds(ref reader, columns), reader.Bool(), (IndexState)reader.U8(), reader.Text());
            if (index.State is < IndexState.Building or > IndexState.Failed || (i > 0 && indexes[i - 1].Id >= index.Id)) reader.Fail();
            indexes[i] = index;
        }

        var settings = ReadSettings(ref reader);
        var created = RowVersion.Read(ref reader);
        if (primaryKey.Length == 0) reader.Fail();
        return reader.Failed ? null : new TableSchema(id, name, generation, columns, primaryKey, indexes, settings, nextColumnId, created);
    }

    internal static void WriteColumn(ByteBuilder bytes, string name, ColumnType type, bool nullable, in CellValue value)
    {
        bytes.Text(name);
        bytes.U8((byte)type);
        bytes.Bool(nullable);
        CellCodec.Write(bytes, value);
    }

    internal static ColumnDefinition ReadColumn(ref MessageReader reader)
    {
        var column = new ColumnDefinition(reader.Text(), (ColumnType)reader.U8(), reader.Bool(), CellCodec.Read(ref reader));
        if (column.Type is ColumnType.Null or > ColumnType.Timestamp || (!column.Default.IsNull && column.Default.Type != column.Type)) reader.Fail();
        return column;
    }

    internal static void Write(ByteBuilder bytes, TableSettings settings)
    {
        bytes.I64(settings.MaxRows);
        bytes.I64(settings.MaxBytes);
        bytes.U32((uint)settings.MaxRowBytes);
        bytes.I64(settings.TtlMicros);
        bytes.I64(settings.RetainedChanges);
        bytes.I64(settings.RetainedChangeBytes);
    }

    internal static TableSettings ReadSettings(ref MessageReader reader) => new(reader.I64(), reader.I64(), (int)reader.U32(), reader.I64(), reader.I64(), reader.I64());

    internal static void Write(ByteBuilder bytes, IndexDefinition index)
    {
        bytes.Text(index.Name);
        WriteTexts(bytes, index.Columns);
        bytes.Bool(index.Unique);
    }

    internal static IndexDefinition ReadIndex(ref MessageReader reader) => new(reader.Text(), ReadTexts(ref reader), reader.Bool());

    internal static void WriteTexts(ByteBuilder bytes, IReadOnlyList<string> texts)
    {
        bytes.U32((uint)texts.Count);
        foreach (var text in texts) bytes.Text(text);
    }

    internal static string[] ReadTexts(ref MessageReader reader)
    {
        var texts = new string[reader.Count(4)];
        for (var i = 0; i < texts.Length; i++) texts[i] = reader.Text();
        return texts;
    }

    private static void WriteIds(ByteBuilder bytes, IReadOnlyList<ushort> ids)
    {
        bytes.U32((uint)ids.Count);
        foreach (var id in ids) bytes.U16(id);
    }

    /// <summary>Fails the reader unless each is the id of one of the columns.</summary>
    private static ushort[] ReadIds(ref MessageReader reader, Column[] columns)
    {
        var ids = new ushort[CountUpTo(ref reader, 2, TableLimits.KeyColumns)];
        for (var i = 0; i < ids.Length && !reader.Failed; i++)
        {
            ids[i] = reader.U16();
            if (!Contains(columns, ids[i])) reader.Fail();
        }

        return ids;
    }

    /// <summary>Each id is looked for among all columns: a forged number of them would take for ever.</summary>
    private static int CountUpTo(ref MessageReader reader, int minimumSize, int most)
    {
        var count = reader.Count(minimumSize);
        if (count > most) reader.Fail();
        return reader.Failed ? 0 : count;
    }

    private static bool Contains(Column[] columns, ushort id)
    {
        foreach (var column in columns)
        {
            // One that was cut off is not there.
            if (column?.Id == id) return true;
        }

        return false;
    }
}
