using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>A <see cref="TableReadReply"/> whose answer is decoded where it was received: pages of rows are large, and nobody needs their bytes.</summary>
/// <param name="Hold">As there.</param>
/// <param name="Reply">Null: the bytes are no answer.</param>
internal readonly record struct DecodedReadReply(ulong Hold, QueryReply? Reply) : IReadableMessage<DecodedReadReply>
{
    public static FrameType Type => TableReadReply.Type;

    public static bool TryRead(ref MessageReader reader, out DecodedReadReply message)
    {
        var hold = reader.U64();
        message = new DecodedReadReply(hold, QueryReplyCodec.Decode(reader.BytesInPlace()));
        return reader.IsComplete;
    }
}
