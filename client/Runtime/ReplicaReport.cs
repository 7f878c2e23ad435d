using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>What a replica says of itself through the log.</summary>
/// <param name="Replica">Its lasting id.</param>
/// <param name="Name">For people.</param>
/// <param name="DurableCursor">Below it nothing needs to be applied again after a crash: it does not need the log any more.</param>
/// <param name="Snapshot">The cursor of the oldest of the snapshots that it wrote and keeps, and with whose state another replica agreed; -1: none. The log is kept from there on, so that a newer one that turns out to be damaged can be passed over.</param>
/// <param name="IsShared">That snapshot lies where all replicas reach it, whatever becomes of this one; else with this one only.</param>
/// <param name="ClaimAt">A position at which its state had the checksum <paramref name="Claim"/>; -1: none.</param>
/// <param name="Claim">See there.</param>
/// <param name="Supports">The features that its program knows, and up to which level.</param>
internal sealed record ReplicaReport(ulong Replica, string Name, long DurableCursor, long Snapshot, bool IsShared, long ClaimAt, ulong Claim, IReadOnlyList<KeyValuePair<string, int>> Supports)
{
    public byte[] Encode()
    {
        var bytes = new byte[45 + MessageWriter.SizeOf(Name) + Supports.Sum(static s => MessageWriter.SizeOf(s.Key) + 4)];
        var writer = new MessageWriter(bytes);
        writer.U64(Replica);
        writer.I64(DurableCursor);
        writer.I64(Snapshot);
        writer.Bool(IsShared);
        writer.I64(ClaimAt);
        writer.U64(Claim);
        writer.Text(Name);
        writer.U32((uint)Supports.Count);
        foreach (var (feature, level) in Supports)
        {
            writer.Text(feature);
            writer.U32((uint)level);
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    public static ReplicaReport Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        var replica = reader.U64();
        var durable = reader.Position();
        var snapshot = reader.I64();
        var isShared = reader.Bool();
        var claimAt = reader.I64();
        var claim = reader.U64();
        var name = reader.Text();
        var supports = new KeyValuePair<string, int>[reader.Count(8)];
        for (var i = 0; i < supports.Length; i++) supports[i] = new(reader.Text(), (int)Math.Min(reader.U32(), int.MaxValue));
        if (!reader.IsComplete || replica == 0 || snapshot < -1 || claimAt < -1) throw new InvalidDataException("A replica's report makes no sense.");
        return new ReplicaReport(replica, name, durable, snapshot, isShared, claimAt, claim, supports);
    }
}
