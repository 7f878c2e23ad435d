using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>One change of a row, as kept for watchers and for the validation of optimistic transactions.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Time">Log time then.</param>
/// <param name="PrimaryKey">Encoded.</param>
/// <param name="Row">The stored row since then; empty if there is none.</param>
/// <param name="FormerEntries">Keys of index entries that the row had before and has no more: by them a scan of that index notices that a row left its range.</param>
internal sealed record ChangeRecord(ChangeKind Kind, long Time, byte[] PrimaryKey, byte[] Row, IReadOnlyList<byte[]> FormerEntries)
{
    private const byte Format = 1;

    /// <summary>No change.</summary>
    public static ChangeRecord None { get; } = new(default, 0, [], [], []);

    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static ChangeRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) reader.Fail();
        var (kind, time, key, row) = ((ChangeKind)reader.U8(), reader.I64(), reader.Bytes(), reader.Bytes());
        var entries = new byte[reader.Count(4)][];
        for (var i = 0; i < entries.Length; i++) entries[i] = reader.Bytes();
        return reader.IsComplete ? new ChangeRecord(kind, time, key, row, entries) : throw new InvalidDataException("A change record is damaged in the store.");
    }

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    public int Size
    {
        get
        {
            var size = 1 + 1 + 8 + 4 + PrimaryKey.Length + 4 + Row.Length + 4;
            foreach (var entry in FormerEntries) size += 4 + entry.Length;
            return size;
        }
    }

    public void Write(ByteBuilder bytes)
    {
        bytes.U8(Format);
        bytes.U8((byte)Kind);
        bytes.I64(Time);
        bytes.Bytes(PrimaryKey);
        bytes.Bytes(Row);
        bytes.U32((uint)FormerEntries.Count);
        foreach (var entry in FormerEntries) bytes.Bytes(entry);
    }
}
