using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Observer of a sealed Loglet, or refilling peer → LogServer: copies of entries that another replica holds. Only a sealed replica takes them, in order, and they never acknowledge anything to a sequencer (rule 3).</summary>
/// <param name="Config">The Loglet's config.</param>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries in the payload.</param>
public readonly record struct Repair(LogletConfig Config, long First, uint Count) : IMessage<Repair>
{
    public static FrameType Type => FrameType.Repair;

    public int Size => 12 + Config.Size;

    public void Write(ref MessageWriter writer)
    {
        Config.Write(ref writer);
        writer.I64(First);
        writer.U32(Count);
    }

    public static bool TryRead(ref MessageReader reader, out Repair message)
    {
        var config = LogletConfig.Read(ref reader);
        var first = reader.Position();
        var count = reader.U32();
        if (config is null || !reader.IsComplete)
        {
            message = default;
            return false;
        }

        message = new Repair(config, first, count);
        return true;
    }
}

/// <summary>Ok, once durable.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="DurableTail">First position not durably held.</param>
public readonly record struct RepairReply(StatusCode Status, long DurableTail) : IMessage<RepairReply>
{
    public static FrameType Type => FrameType.RepairReply;

    public int Size => 10;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(DurableTail);
    }

    public static bool TryRead(ref MessageReader reader, out RepairReply message)
    {
        var status = (StatusCode)reader.U16();
        var durableTail = reader.Position();
        message = new RepairReply(status, durableTail);
        return reader.IsComplete;
    }
}
