using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The bytes of answers to queries. See docs/tables.md.</summary>
public static class QueryReplyCodec
{
    private const byte Format = 1;
    private const int DescriptionFixedSize = 32 + RowVersion.Size;

    public static byte[] Encode(QueryReply reply)
    {
        using var encoded = EncodeInPlace(reply);
        return encoded.Bytes.ToArray();
    }

    /// <summary>The same without a copy, for who sends it at once.</summary>
    public static EncodedReply EncodeInPlace(QueryReply reply)
    {
        var bytes = ByteBuilder.Rent();
        bytes.U8(Format);
        bytes.U16((ushort)reply.Status);
        bytes.Text(reply.Message);
        reply.Snapshot.Write(bytes);
        switch (reply.Result)
        {
            case RowsResult rows:
                bytes.U8((byte)Kind.Rows);
                Write(bytes, rows);
                break;
            case TablesResult tables:
                bytes.U8((byte)Kind.Tables);
                Write(bytes, tables);
                break;
            case ChangesResult changes:
                bytes.U8((byte)Kind.Changes);
                Write(bytes, changes);
                break;
            default:
                bytes.U8((byte)Kind.None);
                break;
        }

        return new EncodedReply(bytes);
    }

    /// <summary>Null if the bytes are no answer.</summary>
    public static QueryReply? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) return null;
        var (status, message, snapshot, kind) = ((TableStatus)reader.U16(), reader.Text(), SnapshotId.Read(ref reader), (Kind)reader.U8());
        if (kind > Kind.Changes) reader.Fail();
        QueryResult? result = kind switch
        {
            Kind.Rows => ReadRows(ref reader),
            Kind.Tables => ReadTables(ref reader),
            Kind.Changes => ReadChanges(ref reader),
            _ => null,
        };
        return reader.IsComplete ? new QueryReply(status, message, snapshot, result) : null;
    }

    private static void Write(ByteBuilder bytes, RowsResult rows)
    {
        bytes.U32(rows.TableId);
        bytes.U32(rows.Generation);
        SchemaCodec.WriteTexts(bytes, rows.Columns);
        bytes.U32((uint)rows.Rows.Count);
        for (var i = 0; i < rows.Rows.Count; i++) Write(bytes, rows.Rows[i]);
        bytes.Bytes(rows.Token);
        bytes.Bool(rows.Range is not null);
        rows.Range?.Write(bytes);
    }

    private static RowsResult ReadRows(ref MessageReader reader)
    {
        var (id, generation, columns) = (reader.U32(), reader.U32(), SchemaCodec.ReadTexts(ref reader));
        var rows = new FoundRow?[reader.Count(1)];
        for (var i = 0; i < rows.Length && !reader.Failed; i++) rows[i] = ReadRow(ref reader, columns.Length);
        return new RowsResult(id, generation, columns, rows, reader.Bytes(), reader.Bool() ? KeyRange.Read(ref reader) : null);
    }

    private static void Write(ByteBuilder bytes, TablesResult tables)
    {
        bytes.U32((uint)tables.Tables.Count);
        foreach (var table in tables.Tables)
        {
            SchemaCodec.Write(bytes, table.Schema);
            bytes.I64(table.Rows);
            bytes.I64(table.Bytes);
            bytes.I64(table.Changes);
            bytes.I64(table.ChangeBytes);
            table.ChangesAfter.Write(bytes);
        }
    }

    private static TablesResult ReadTables(ref MessageReader reader)
    {
        var tables = new TableDescription[reader.Count(DescriptionFixedSize)];
        for (var i = 0; i < tables.Length && !reader.Failed; i++)
        {
            if (SchemaCodec.Read(ref reader) is not { } schema) break;
            tables[i] = new TableDescription(schema, reader.I64(), reader.I64(), reader.I64(), reader.I64(), RowVersion.Read(ref reader));
        }

        return new TablesResult(tables);
    }

    private static void Write(ByteBuilder bytes, ChangesResult changes)
    {
        bytes.U32(changes.TableId);
        bytes.U32(changes.Generation);
        SchemaCodec.WriteTexts(bytes, changes.Columns);
        bytes.U32((uint)changes.Changes.Count);
        foreach (var change in changes.Changes)
        {
            bytes.U8((byte)change.Kind);
            change.Version.Write(bytes);
            bytes.I64(change.Time);
            CellCodec.WriteAll(bytes, change.Key);
            Write(bytes, change.Row);
        }

        changes.Through.Write(bytes);
        bytes.Bool(changes.More);
    }

    private static ChangesResult ReadChanges(ref MessageReader reader)
    {
        var (id, generation, columns) = (reader.U32(), reader.U32(), SchemaCodec.ReadTexts(ref reader));
        var changes = new RowChange[reader.Count(1 + RowVersion.Size + 8 + 2 + 1)];
        for (var i = 0; i < changes.Length && !reader.Failed; i++)
        {
            var kind = (ChangeKind)reader.U8();
            if (kind is < ChangeKind.Put or > ChangeKind.Expire) reader.Fail();
            changes[i] = new RowChange(kind, RowVersion.Read(ref reader), reader.I64(), CellCodec.ReadAll(ref reader), ReadRow(ref reader, columns.Length));
        }

        return new ChangesResult(id, generation, columns, changes, RowVersion.Read(ref reader), reader.Bool());
    }

    /// <summary>Whether there is a row (1 byte), its version, whether it expires (1 byte) and when, a value for each column.</summary>
    private static void Write(ByteBuilder bytes, FoundRow? row)
    {
        bytes.Bool(row is not null);
        if (row is null) return;
        row.Version.Write(bytes);
        bytes.Bool(row.ExpiresAt is not null);
        if (row.ExpiresAt is { } time) bytes.I64(time);
        for (var i = 0; i < row.Values.Count; i++) CellCodec.Write(bytes, row.Values[i]);
    }

    private static FoundRow? ReadRow(ref MessageReader reader, int columns)
    {
        if (!reader.Bool()) return null;
        var version = RowVersion.Read(ref reader);
        long? expiresAt = reader.Bool() ? reader.I64() : null;
        if (columns > reader.Remaining) reader.Fail();
        if (reader.Failed) return null;
        var values = new CellValue[columns];
        for (var i = 0; i < values.Length; i++) values[i] = CellCodec.Read(ref reader);
        return new FoundRow(values, version, expiresAt);
    }

    /// <summary>On the wire: values never change.</summary>
    private enum Kind : byte
    {
        None = 0,
        Rows = 1,
        Tables = 2,
        Changes = 3,
    }
}
