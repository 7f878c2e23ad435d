using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The bytes of a value in rows, commands and answers: its type (1 byte), then nothing (null), 1 byte (bool), 8 bytes little-endian (integer, double's bits, timestamp) or length (4 bytes) and bytes.</summary>
public static class CellCodec
{
    public static void Write(ByteBuilder bytes, in CellValue value)
    {
        bytes.U8((byte)value.Type);
        switch (value.Type)
        {
            case ColumnType.Null:
                break;
            case ColumnType.Bool:
                bytes.U8((byte)value.Bits);
                break;
            case ColumnType.String or ColumnType.Bytes:
                bytes.Bytes(value.Span);
                break;
            default:
                bytes.I64(value.Bits);
                break;
        }
    }

    /// <summary>What is no value makes the reader fail, and is null.</summary>
    public static CellValue Read(ref MessageReader reader)
    {
        var type = (ColumnType)reader.U8();
        CellValue value = default;
        var valid = type switch
        {
            ColumnType.Null => true,
            ColumnType.Bool => CellValue.TryTake(type, reader.U8(), out value),
            ColumnType.String or ColumnType.Bytes => CellValue.TryTake(type, reader.Bytes(), out value),
            _ => CellValue.TryTake(type, reader.I64(), out value),
        };
        if (!valid) reader.Fail();
        return reader.Failed ? default : value;
    }

    public static void WriteAll(ByteBuilder bytes, IReadOnlyList<CellValue> values)
    {
        bytes.U16(checked((ushort)values.Count));
        foreach (var value in values) Write(bytes, value);
    }

    public static CellValue[] ReadAll(ref MessageReader reader)
    {
        var count = reader.U16();
        if (count > reader.Remaining) reader.Fail();
        if (reader.Failed) return [];
        var values = new CellValue[count];
        for (var i = 0; i < values.Length; i++) values[i] = Read(ref reader);
        return values;
    }
}
