using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Reconfigurer or client → sequencer node: begin to sequence this Loglet, if its config names this incarnation. Idempotent. The replicas are created at once, without entries.</summary>
/// <param name="Config">The Loglet's config.</param>
public readonly record struct OpenLoglet(LogletConfig Config) : IMessage<OpenLoglet>
{
    public static FrameType Type => FrameType.OpenLoglet;

    public int Size => Config.Size;

    public void Write(ref MessageWriter writer)
    {
        Config.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out OpenLoglet message)
    {
        var config = LogletConfig.Read(ref reader);
        if (config is null || !reader.IsComplete)
        {
            message = default;
            return false;
        }

        message = new OpenLoglet(config);
        return true;
    }
}

/// <summary>Ok: a majority of the replicas exist.</summary>
/// <param name="Status">How it ended.</param>
public readonly record struct OpenLogletReply(StatusCode Status) : IMessage<OpenLogletReply>
{
    public static FrameType Type => FrameType.OpenLogletReply;

    public int Size => 2;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
    }

    public static bool TryRead(ref MessageReader reader, out OpenLogletReply message)
    {
        var status = (StatusCode)reader.U16();
        message = new OpenLogletReply(status);
        return reader.IsComplete;
    }
}
