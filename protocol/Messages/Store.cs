using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Sequencer → LogServer: store these entries; the payload holds them back to back. Count 0 only creates the replica. Answered by cumulative <see cref="StoreAck"/> frames (DESIGN §3, LogServer rule 1).</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries in the payload.</param>
/// <param name="GlobalTail">The sequencer's global tail.</param>
/// <param name="Config">On the first store of a connection, and after NeedConfig.</param>
public readonly record struct Store(LogletId Loglet, ulong Incarnation, long First, uint Count, long GlobalTail, LogletConfig? Config) : IMessage<Store>
{
    public static FrameType Type => FrameType.Store;

    public int Size => 45 + (Config?.Size ?? 0);

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.I64(First);
        writer.U32(Count);
        writer.I64(GlobalTail);
        writer.Bool(Config is not null);
        Config?.Write(ref writer);
    }

    public static bool TryRead(ref MessageReader reader, out Store message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var first = reader.Position();
        var count = reader.U32();
        var globalTail = reader.Position();
        var config = reader.Bool() ? LogletConfig.Read(ref reader) : null;
        message = new Store(loglet, incarnation, first, count, globalTail, config);
        return reader.IsComplete;
    }
}
