using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The bytes of commands in the log: format (1 byte), kind (1 byte), body. See docs/tables.md.</summary>
public static class TableCommandCodec
{
    private const byte Format = 1;

    /// <exception cref="ArgumentException">A kind of command that has no bytes.</exception>
    public static byte[] Encode(TableCommand command)
    {
        var bytes = ByteBuilder.Rent();
        bytes.U8(Format);
        switch (command)
        {
            case CreateTable create:
                bytes.U8((byte)Kind.CreateTable);
                Write(bytes, create);
                break;
            case DropTable drop:
                bytes.U8((byte)Kind.DropTable);
                bytes.Text(drop.Name);
                break;
            case AlterTable alter:
                bytes.U8((byte)Kind.AlterTable);
                Write(bytes, alter);
                break;
            case CreateIndex create:
                bytes.U8((byte)Kind.CreateIndex);
                bytes.Text(create.Table);
                SchemaCodec.Write(bytes, create.Index);
                break;
            case DropIndex drop:
                bytes.U8((byte)Kind.DropIndex);
                bytes.Text(drop.Table);
                bytes.Text(drop.Index);
                break;
            case Transact transact:
                bytes.U8((byte)Kind.Transact);
                TransactCodec.Write(bytes, transact);
                break;
            case BackfillIndex backfill:
                bytes.U8((byte)Kind.BackfillIndex);
                bytes.U32(backfill.TableId);
                bytes.U32(backfill.IndexId);
                bytes.U32((uint)backfill.MaxRows);
                break;
            case Sweep sweep:
                bytes.U8((byte)Kind.Sweep);
                bytes.U32((uint)sweep.MaxSteps);
                break;
            default:
                throw new ArgumentException($"A {command.GetType().Name} has no bytes.", nameof(command));
        }

        return bytes.ToArrayAndReturn();
    }

    /// <summary>Null if the bytes are no command; <paramref name="status"/> then says whether they are one of a later version (<see cref="TableStatus.UnsupportedCommand"/>) or none at all (<see cref="TableStatus.Malformed"/>).</summary>
    public static TableCommand? Decode(ReadOnlySpan<byte> bytes, out TableStatus status)
    {
        status = TableStatus.Malformed;
        var reader = new MessageReader(bytes);
        var (format, kind) = (reader.U8(), (Kind)reader.U8());
        if (reader.Failed) return null;
        if (format != Format || kind is < Kind.CreateTable or > Kind.Sweep)
        {
            status = TableStatus.UnsupportedCommand;
            return null;
        }

        TableCommand command = kind switch
        {
            Kind.CreateTable => ReadCreateTable(ref reader),
            Kind.DropTable => new DropTable(reader.Text()),
            Kind.AlterTable => ReadAlterTable(ref reader),
            Kind.CreateIndex => new CreateIndex(reader.Text(), SchemaCodec.ReadIndex(ref reader)),
            Kind.DropIndex => new DropIndex(reader.Text(), reader.Text()),
            Kind.Transact => TransactCodec.Read(ref reader),
            Kind.BackfillIndex => new BackfillIndex(reader.U32(), reader.U32(), (int)reader.U32()),
            _ => new Sweep((int)reader.U32()),
        };
        if (!reader.IsComplete) return null;
        status = TableStatus.Ok;
        return command;
    }

    private static void Write(ByteBuilder bytes, CreateTable create)
    {
        bytes.Text(create.Name);
        WriteColumns(bytes, create.Columns);
        SchemaCodec.WriteTexts(bytes, create.PrimaryKey);
        bytes.U32((uint)create.Indexes.Count);
        foreach (var index in create.Indexes) SchemaCodec.Write(bytes, index);
        SchemaCodec.Write(bytes, create.Settings);
    }

    private static CreateTable ReadCreateTable(ref MessageReader reader)
    {
        var name = reader.Text();
        var columns = ReadColumns(ref reader);
        var primaryKey = SchemaCodec.ReadTexts(ref reader);
        var indexes = new IndexDefinition[reader.Count(9)];
        for (var i = 0; i < indexes.Length && !reader.Failed; i++) indexes[i] = SchemaCodec.ReadIndex(ref reader);
        return new CreateTable(name, columns, primaryKey, indexes, SchemaCodec.ReadSettings(ref reader));
    }

    private static void Write(ByteBuilder bytes, AlterTable alter)
    {
        bytes.Text(alter.Name);
        WriteColumns(bytes, alter.Add);
        SchemaCodec.WriteTexts(bytes, alter.Drop);
        bytes.Bool(alter.Settings is not null);
        if (alter.Settings is { } settings) SchemaCodec.Write(bytes, settings);
    }

    private static AlterTable ReadAlterTable(ref MessageReader reader) =>
        new(reader.Text(), ReadColumns(ref reader), SchemaCodec.ReadTexts(ref reader), reader.Bool() ? SchemaCodec.ReadSettings(ref reader) : null);

    private static void WriteColumns(ByteBuilder bytes, IReadOnlyList<ColumnDefinition> columns)
    {
        bytes.U32((uint)columns.Count);
        foreach (var column in columns) SchemaCodec.WriteColumn(bytes, column.Name, column.Type, column.Nullable, column.Default);
    }

    private static ColumnDefinition[] ReadColumns(ref MessageReader reader)
    {
        var columns = new ColumnDefinition[reader.Count(7)];
        for (var i = 0; i < columns.Length && !reader.Failed; i++) columns[i] = SchemaCodec.ReadColumn(ref reader);
        return columns;
    }

    /// <summary>In the log: values never change.</summary>
    private enum Kind : byte
    {
        CreateTable = 1,
        DropTable = 2,
        AlterTable = 3,
        CreateIndex = 4,
        DropIndex = 5,
        Transact = 6,
        BackfillIndex = 7,
        Sweep = 8,
    }
}
