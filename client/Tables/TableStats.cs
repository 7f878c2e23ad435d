using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>What is counted of a table, command by command. Immutable.</summary>
/// <param name="Rows">Rows, expired ones included until they are removed.</param>
/// <param name="Bytes">Of primary keys and stored rows.</param>
/// <param name="Changes">Change records kept.</param>
/// <param name="ChangeBytes">Of them, in their pages.</param>
/// <param name="ChangesAfter">All changes by later commands are kept; of this one and earlier ones perhaps none.</param>
/// <param name="LastPage">The newest <see cref="ChangePage"/>; it may have been removed.</param>
/// <param name="LastPageBytes">What it has, or so many that it is not added to.</param>
/// <param name="ExpiriesFrom">No row expires before this time: where to begin to look, so that nobody has to walk over what was removed.</param>
internal readonly record struct TableStats(long Rows, long Bytes, long Changes, long ChangeBytes, RowVersion ChangesAfter, RowVersion LastPage, int LastPageBytes, long ExpiriesFrom)
{
    public static TableStats Empty { get; } = new(0, 0, 0, 0, RowVersion.None, RowVersion.None, 0, long.MinValue);

    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static TableStats Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        var stats = new TableStats(reader.I64(), reader.I64(), reader.I64(), reader.I64(), RowVersion.Read(ref reader), RowVersion.Read(ref reader), (int)reader.U32(), reader.I64());
        return reader.IsComplete ? stats : throw new InvalidDataException("The counters of a table are damaged.");
    }

    public byte[] Encode()
    {
        var bytes = ByteBuilder.Scratch;
        bytes.I64(Rows);
        bytes.I64(Bytes);
        bytes.I64(Changes);
        bytes.I64(ChangeBytes);
        ChangesAfter.Write(bytes);
        LastPage.Write(bytes);
        bytes.U32((uint)LastPageBytes);
        bytes.I64(ExpiriesFrom);
        return bytes.ToArray();
    }
}
