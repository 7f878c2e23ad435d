using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Anybody → LogServer: seal this replica, behind the stores queued before it; creates it sealed and empty if unknown (rule 2).</summary>
/// <param name="Config">The Loglet's config.</param>
public readonly record struct Seal(LogletConfig Config) : IMessage<Seal>
{
    public static FrameType Type => FrameType.Seal;

    public int Size => Config.Size;

    public void Write(ref MessageWriter writer)
    {
        Config.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out Seal message)
    {
        var config = LogletConfig.Read(ref reader);
        if (config is null || !reader.IsComplete)
        {
            message = default;
            return false;
        }

        message = new Seal(config);
        return true;
    }
}

/// <summary>Ok: durably sealed. Deleted: a tombstone.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="DurableTail">First position not durably held at the seal or since, repairs included.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
public readonly record struct SealReply(StatusCode Status, long DurableTail, long TrimPoint) : IMessage<SealReply>
{
    public static FrameType Type => FrameType.SealReply;

    public int Size => 18;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(DurableTail);
        writer.I64(TrimPoint);
    }

    public static bool TryRead(ref MessageReader reader, out SealReply message)
    {
        var status = (StatusCode)reader.U16();
        var durableTail = reader.Position();
        var trimPoint = reader.Position();
        message = new SealReply(status, durableTail, trimPoint);
        return reader.IsComplete;
    }
}
