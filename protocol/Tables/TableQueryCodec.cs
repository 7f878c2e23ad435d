using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The bytes of queries: format (1 byte), kind (1 byte), snapshot (or not), body. See docs/tables.md.</summary>
public static class TableQueryCodec
{
    private const byte Format = 1;

    /// <exception cref="ArgumentException">A kind of query that has no bytes.</exception>
    public static byte[] Encode(TableQuery query)
    {
        var bytes = ByteBuilder.Rent();
        bytes.U8(Format);
        bytes.U8((byte)KindOf(query));
        bytes.Bool(query.Snapshot is not null);
        query.Snapshot?.Write(bytes);
        switch (query)
        {
            case GetRows get:
                bytes.Text(get.Table);
                bytes.U32((uint)get.Keys.Count);
                foreach (var key in get.Keys) CellCodec.WriteAll(bytes, key);
                WriteColumns(bytes, get.Columns);
                break;
            case ScanRows scan:
                Write(bytes, scan);
                break;
            case DescribeTables describe:
                WriteOptional(bytes, describe.Table);
                break;
            case ReadChanges changes:
                bytes.Text(changes.Table);
                bytes.U32(changes.TableId);
                changes.After.Write(bytes);
                Write(bytes, changes.Bounds);
                bytes.U32((uint)changes.MaxChanges);
                break;
        }

        return bytes.ToArrayAndReturn();
    }

    /// <summary>Null if the bytes are no query; <paramref name="status"/> then says whether they are one of a later version (<see cref="TableStatus.UnsupportedCommand"/>) or none at all (<see cref="TableStatus.Malformed"/>).</summary>
    public static TableQuery? Decode(ReadOnlySpan<byte> bytes, out TableStatus status)
    {
        status = TableStatus.Malformed;
        var reader = new MessageReader(bytes);
        var (format, kind) = (reader.U8(), (Kind)reader.U8());
        if (reader.Failed) return null;
        if (format != Format || kind is < Kind.GetRows or > Kind.ReadChanges)
        {
            status = TableStatus.UnsupportedCommand;
            return null;
        }

        SnapshotId? snapshot = reader.Bool() ? SnapshotId.Read(ref reader) : null;
        TableQuery query = kind switch
        {
            Kind.GetRows => new GetRows(reader.Text(), ReadKeys(ref reader), ReadColumns(ref reader), snapshot),
            Kind.ScanRows => ReadScan(ref reader, snapshot),
            Kind.DescribeTables => new DescribeTables(ReadOptional(ref reader), snapshot),
            _ => new ReadChanges(reader.Text(), reader.U32(), RowVersion.Read(ref reader), ReadBounds(ref reader), (int)reader.U32(), snapshot),
        };
        if (!reader.IsComplete) return null;
        status = TableStatus.Ok;
        return query;
    }

    private static Kind KindOf(TableQuery query) => query switch
    {
        GetRows => Kind.GetRows,
        ScanRows => Kind.ScanRows,
        DescribeTables => Kind.DescribeTables,
        ReadChanges => Kind.ReadChanges,
        _ => throw new ArgumentException($"A {query.GetType().Name} has no bytes.", nameof(query)),
    };

    private static void Write(ByteBuilder bytes, ScanRows scan)
    {
        bytes.Text(scan.Table);
        WriteOptional(bytes, scan.Index);
        Write(bytes, scan.Bounds);
        bytes.Bool(scan.Reverse);
        bytes.U32((uint)scan.Limit);
        bytes.U32((uint)scan.MaxBytes);
        WriteColumns(bytes, scan.Columns);
        bytes.U32((uint)scan.Filters.Count);
        foreach (var filter in scan.Filters) filter.Write(bytes);
        bytes.Bool(scan.Token is not null);
        if (scan.Token is { } token) bytes.Bytes(token);
    }

    private static ScanRows ReadScan(ref MessageReader reader, SnapshotId? snapshot)
    {
        var (table, index) = (reader.Text(), ReadOptional(ref reader));
        var bounds = ReadBounds(ref reader);
        var (reverse, limit, maxBytes) = (reader.Bool(), (int)reader.U32(), (int)reader.U32());
        var columns = ReadColumns(ref reader);
        var filters = new ColumnPredicate[reader.Count(6)];
        for (var i = 0; i < filters.Length && !reader.Failed; i++) filters[i] = ColumnPredicate.Read(ref reader);
        return new ScanRows(table, index, bounds, reverse, limit, maxBytes, columns, filters, reader.Bool() ? reader.Bytes() : null, snapshot);
    }

    private static void Write(ByteBuilder bytes, KeyBounds bounds)
    {
        Write(bytes, bounds.Lower);
        Write(bytes, bounds.Upper);
        bytes.Bool(bounds.Prefix is not null);
        if (bounds.Prefix is not { } prefix) return;
        CellCodec.WriteAll(bytes, prefix.Values);
        CellCodec.Write(bytes, prefix.Start);
    }

    private static void Write(ByteBuilder bytes, KeyBound? bound)
    {
        bytes.Bool(bound is not null);
        if (bound is null) return;
        CellCodec.WriteAll(bytes, bound.Values);
        bytes.Bool(bound.Inclusive);
    }

    private static KeyBounds ReadBounds(ref MessageReader reader) => new(ReadBound(ref reader), ReadBound(ref reader), reader.Bool() ? new KeyPrefix(CellCodec.ReadAll(ref reader), CellCodec.Read(ref reader)) : null);

    private static KeyBound? ReadBound(ref MessageReader reader) => reader.Bool() ? new KeyBound(CellCodec.ReadAll(ref reader), reader.Bool()) : null;

    private static CellValue[][] ReadKeys(ref MessageReader reader)
    {
        var keys = new CellValue[reader.Count(2)][];
        for (var i = 0; i < keys.Length; i++) keys[i] = CellCodec.ReadAll(ref reader);
        return keys;
    }

    private static void WriteColumns(ByteBuilder bytes, IReadOnlyList<string>? columns)
    {
        bytes.Bool(columns is not null);
        if (columns is not null) SchemaCodec.WriteTexts(bytes, columns);
    }

    private static string[]? ReadColumns(ref MessageReader reader) => reader.Bool() ? SchemaCodec.ReadTexts(ref reader) : null;

    private static void WriteOptional(ByteBuilder bytes, string? text)
    {
        bytes.Bool(text is not null);
        if (text is not null) bytes.Text(text);
    }

    private static string? ReadOptional(ref MessageReader reader) => reader.Bool() ? reader.Text() : null;

    /// <summary>On the wire: values never change.</summary>
    private enum Kind : byte
    {
        GetRows = 1,
        ScanRows = 2,
        DescribeTables = 3,
        ReadChanges = 4,
    }
}
