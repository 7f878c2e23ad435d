using Delos.Protocol.Messages;

namespace Delos.Protocol.Chains;

/// <summary>The bytes of a chain in its MetaStore register. Format 3; see docs/protocol.md. The version is the register's and is not among the bytes.</summary>
public static class ChainCodec
{
    private const byte Format = 3;
    private const long OpenStop = -1;
    private const int SegmentFixedSize = 8 + 8 + 16 + 8;
    private const int EditFixedSize = 8 + 1 + 4 + 8 + 4 + 16;

    /// <summary>Bytes of the encoding.</summary>
    public static int SizeOf(Chain chain)
    {
        var size = 1 + 4 + 1 + 4 + 1 + 4 + 4;
        foreach (var segment in chain.Segments) size += SegmentFixedSize + segment.Loglet.Size;
        foreach (var edit in chain.History) size += EditFixedSize - 4 + MessageWriter.SizeOf(edit.Reason);
        return size;
    }

    public static byte[] Encode(Chain chain)
    {
        var bytes = new byte[SizeOf(chain)];
        var writer = new MessageWriter(bytes);
        writer.U8(Format);
        writer.U32((uint)chain.Policy.Replication);
        writer.U8((byte)chain.Policy.Kind);
        writer.U32((uint)chain.Policy.Stripes);
        writer.Bool(chain.Policy.Sharded);
        writer.U32((uint)chain.Segments.Count);
        foreach (var segment in chain.Segments)
        {
            writer.I64(segment.Start);
            writer.I64(segment.Stop ?? OpenStop);
            writer.Guid(segment.InstallId);
            writer.U64(segment.CreatedAt);
            segment.Loglet.Write(ref writer);
        }

        writer.U32((uint)chain.History.Count);
        foreach (var edit in chain.History)
        {
            writer.U64(edit.Version);
            writer.U8((byte)edit.Kind);
            writer.U32(edit.By);
            writer.I64(edit.UnixMilliseconds);
            writer.Text(edit.Reason);
            writer.Guid(edit.InstallId);
        }

        return bytes;
    }

    /// <summary>Null if the bytes are not a well-formed chain: segments back to back, only the last one open.</summary>
    public static Chain? Decode(ulong version, ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) return null;
        var policy = new LogPolicy((int)reader.U32(), (LogletKind)reader.U8(), (int)reader.U32(), reader.Bool());
        if (policy.Kind is < LogletKind.Native or > LogletKind.Memory) return null;
        if (policy.Problem is not null) return null;
        var segments = new Segment[reader.Count(SegmentFixedSize)];
        if (segments.Length is 0 or > Chain.MaxSegments) return null;
        for (var i = 0; i < segments.Length; i++)
        {
            var start = reader.Position();
            var stop = reader.I64();
            var installId = reader.Guid();
            var createdAt = reader.U64();
            if (LogletConfig.Read(ref reader) is not { } loglet) return null;
            var last = i == segments.Length - 1;
            if (last != (stop == OpenStop) || (!last && stop < start) || (i > 0 && segments[i - 1].Stop != start)) return null;
            segments[i] = new Segment(start, last ? null : stop, loglet, installId, createdAt);
        }

        var history = new ChainEdit[reader.Count(EditFixedSize)];
        if (history.Length > Chain.MaxHistory) return null;
        for (var i = 0; i < history.Length; i++)
        {
            history[i] = new ChainEdit(reader.U64(), (ChainEditKind)reader.U8(), reader.U32(), reader.I64(), reader.Text(), reader.Guid());
        }

        return reader.IsComplete ? new Chain(version, policy, segments, history) : null;
    }
}
