using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>What became of one operation of a transaction.</summary>
/// <param name="Version">The row's version after it; <see cref="RowVersion.None"/>: there is no row.</param>
/// <param name="Former">The row's version before it; <see cref="RowVersion.None"/>: there was no row.</param>
public readonly record struct OpResult(RowVersion Version, RowVersion Former);

/// <summary>The answer to a <see cref="TableCommand"/>, the same on every replica.</summary>
/// <param name="Status">How it ended; unless <see cref="TableStatus.Ok"/> nothing was changed, but for a <see cref="BackfillIndex"/> that made its index fail.</param>
/// <param name="Message">Why, and what to do about it, for people; empty if it is Ok.</param>
/// <param name="FailedOp">Which of a transaction's operations was refused; -1: none in particular.</param>
/// <param name="Current">With a refused operation: the version that its row has; <see cref="RowVersion.None"/>: there is no row.</param>
/// <param name="Results">Of a transaction that is Ok: one for each operation.</param>
/// <param name="Schema">Of a command that made or changed a table: the table as it is now; else null.</param>
/// <param name="Done">Of <see cref="BackfillIndex"/> and <see cref="Sweep"/>: rows or keys worked on.</param>
/// <param name="More">Of the same: there is more to do.</param>
public sealed record TableReply(TableStatus Status, string Message, int FailedOp, RowVersion Current, IReadOnlyList<OpResult> Results, TableSchema? Schema, long Done, bool More)
{
    private const byte Format = 1;

    public static TableReply Ok { get; } = new(TableStatus.Ok, "", -1, RowVersion.None, [], null, 0, false);

    public bool IsOk => Status == TableStatus.Ok;

    public static TableReply Refused(TableStatus status, string message, int failedOp = -1, RowVersion? current = null) => Ok with { Status = status, Message = message, FailedOp = failedOp, Current = current ?? RowVersion.None };

    /// <summary>Null if the bytes are no answer.</summary>
    public static TableReply? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) return null;
        var (status, message, failedOp, current) = ((TableStatus)reader.U16(), reader.Text(), (int)reader.U32(), RowVersion.Read(ref reader));
        var results = new OpResult[reader.Count(2 * RowVersion.Size)];
        for (var i = 0; i < results.Length; i++) results[i] = new OpResult(RowVersion.Read(ref reader), RowVersion.Read(ref reader));
        var schema = reader.Bool() ? SchemaCodec.Read(ref reader) : null;
        var (done, more) = (reader.I64(), reader.Bool());
        return reader.IsComplete ? new TableReply(status, message, failedOp, current, results, schema, done, more) : null;
    }

    public byte[] Encode()
    {
        var bytes = ByteBuilder.Scratch;
        bytes.U8(Format);
        bytes.U16((ushort)Status);
        bytes.Text(Message);
        bytes.U32((uint)FailedOp);
        Current.Write(bytes);
        bytes.U32((uint)Results.Count);
        foreach (var result in Results)
        {
            result.Version.Write(bytes);
            result.Former.Write(bytes);
        }

        bytes.Bool(Schema is not null);
        if (Schema is { } schema) SchemaCodec.Write(bytes, schema);
        bytes.I64(Done);
        bytes.Bool(More);
        return bytes.ToArray();
    }
}
