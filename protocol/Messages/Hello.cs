using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>What one side of a connection accepts from the other. Bytes.</summary>
/// <param name="MaxFrameBytes">Largest frame, header included.</param>
/// <param name="MaxEntryBytes">Largest payload of one entry.</param>
/// <param name="MaxInFlightBytes">Bytes of unanswered appends of one connection.</param>
public readonly record struct PeerLimits(int MaxFrameBytes, int MaxEntryBytes, long MaxInFlightBytes)
{
    /// <summary>The least that <see cref="MaxFrameBytes"/> may be: what a sequencer tells its clients and LogServers unasked fits.</summary>
    public const int MinFrameBytes = 1024;

    internal const int Size = 16;

    /// <summary>A batch of 8 MiB with slack for header and metadata, entries of 1 MiB, 32 MiB in flight.</summary>
    public static PeerLimits Default { get; } = new((8 << 20) + (64 << 10), 1 << 20, 32 << 20);

    internal void Write(ref MessageWriter writer)
    {
        writer.U32((uint)MaxFrameBytes);
        writer.U32((uint)MaxEntryBytes);
        writer.I64(MaxInFlightBytes);
    }

    internal static PeerLimits Read(ref MessageReader reader)
    {
        var frame = reader.U32();
        var entry = reader.U32();
        var inFlight = reader.Position();
        if (frame > int.MaxValue || entry > int.MaxValue) reader.Fail();
        return new PeerLimits((int)frame, (int)entry, inFlight);
    }
}

/// <summary>The dialer's first frame: who it is and which protocol versions it speaks.</summary>
/// <param name="ClusterId">Empty if the dialer does not know its cluster yet (a client).</param>
/// <param name="NodeId">0 for a client.</param>
/// <param name="Incarnation">Drawn at each process start; 0 for a client.</param>
public readonly record struct Hello(byte MinVersion, byte MaxVersion, Guid ClusterId, uint NodeId, NodeRoles Roles, ulong Incarnation, Guid DiskId, PeerLimits Limits) : IMessage<Hello>
{
    public static FrameType Type => FrameType.Hello;

    public int Size => 2 + 16 + 4 + 4 + 8 + 16 + PeerLimits.Size;

    public void Write(ref MessageWriter writer)
    {
        writer.U8(MinVersion);
        writer.U8(MaxVersion);
        writer.Guid(ClusterId);
        writer.U32(NodeId);
        writer.U32((uint)Roles);
        writer.U64(Incarnation);
        writer.Guid(DiskId);
        Limits.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out Hello message)
    {
        message = new Hello(reader.U8(), reader.U8(), reader.Guid(), reader.U32(), (NodeRoles)reader.U32(), reader.U64(), reader.Guid(), PeerLimits.Read(ref reader));
        if (message.MinVersion > message.MaxVersion) reader.Fail();
        return !reader.Failed;
    }
}

/// <summary>The listener's answer to <see cref="Hello"/>: who it is and the version chosen, the highest that both speak. Refusals are an <see cref="Error"/> instead.</summary>
public readonly record struct HelloReply(byte Version, Guid ClusterId, uint NodeId, NodeRoles Roles, ulong Incarnation, Guid DiskId, PeerLimits Limits) : IMessage<HelloReply>
{
    public static FrameType Type => FrameType.HelloReply;

    public int Size => 1 + 16 + 4 + 4 + 8 + 16 + PeerLimits.Size;

    public void Write(ref MessageWriter writer)
    {
        writer.U8(Version);
        writer.Guid(ClusterId);
        writer.U32(NodeId);
        writer.U32((uint)Roles);
        writer.U64(Incarnation);
        writer.Guid(DiskId);
        Limits.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out HelloReply message)
    {
        message = new HelloReply(reader.U8(), reader.Guid(), reader.U32(), (NodeRoles)reader.U32(), reader.U64(), reader.Guid(), PeerLimits.Read(ref reader));
        return !reader.Failed;
    }
}
