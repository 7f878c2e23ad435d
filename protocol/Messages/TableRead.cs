using Delos.Protocol.Framing;
using Delos.Protocol.Tables;

namespace Delos.Protocol.Messages;

/// <summary>What becomes of the state that a query was answered from. On the wire: values never change.</summary>
public enum TableHold : byte
{
    /// <summary>It is forgotten.</summary>
    None = 0,

    /// <summary>It is held until it is released if there are further pages: if the answer has a paging token.</summary>
    Pages = 1,

    /// <summary>It is held until it is released.</summary>
    Always = 2,
}

/// <summary>Client → table node: a query. A query that names a snapshot, or whose paging token does, needs a view of it that this node holds, and the level does not matter; a view is held for a while after its last use.</summary>
/// <param name="Level">How fresh the answer must be.</param>
/// <param name="LevelArgument">After: a log position; Within: microseconds; else 0.</param>
/// <param name="Hold">Whether a view is to be held for later queries of the same snapshot; of no meaning in a query that names one.</param>
/// <param name="WaitMilliseconds">Of a query for changes: how long to wait for the first one.</param>
/// <param name="Query">See docs/tables.md.</param>
public readonly record struct TableRead(TableReadKind Level, long LevelArgument, TableHold Hold, uint WaitMilliseconds, ReadOnlyMemory<byte> Query) : IMessage<TableRead>
{
    public static FrameType Type => FrameType.TableRead;

    public int Size => 14 + MessageWriter.SizeOf(Query);

    public void Write(ref MessageWriter writer)
    {
        writer.U8((byte)Level);
        writer.I64(LevelArgument);
        writer.U8((byte)Hold);
        writer.U32(WaitMilliseconds);
        writer.Bytes(Query.Span);
    }

    public static bool TryRead(ref MessageReader reader, out TableRead message)
    {
        var level = (TableReadKind)reader.U8();
        var argument = reader.Position();
        var hold = (TableHold)reader.U8();
        if (level > TableReadKind.Within || hold > TableHold.Always) reader.Fail();
        var wait = reader.U32();
        var query = reader.Bytes();
        message = new TableRead(level, argument, hold, wait, query);
        return reader.IsComplete;
    }
}

/// <summary>The answer of the tables, be it a refusal. A node that cannot tell answers with an Error: Unavailable (ask another), LimitExceeded (too much is asked at a time: later).</summary>
/// <param name="Hold">A view of the answer's snapshot is held, under this id, which is the hold's own: to be released by it. 0: it is not held on behalf of this query.</param>
/// <param name="Reply">See docs/tables.md.</param>
public readonly record struct TableReadReply(ulong Hold, ReadOnlyMemory<byte> Reply) : IMessage<TableReadReply>
{
    public static FrameType Type => FrameType.TableReadReply;

    public int Size => 8 + MessageWriter.SizeOf(Reply);

    public void Write(ref MessageWriter writer)
    {
        writer.U64(Hold);
        writer.Bytes(Reply.Span);
    }

    public static bool TryRead(ref MessageReader reader, out TableReadReply message)
    {
        var hold = reader.U64();
        var reply = reader.Bytes();
        message = new TableReadReply(hold, reply);
        return reader.IsComplete;
    }
}
