using Delos.Protocol.Messages;

namespace Delos.Client.MetaStore;

/// <summary>
/// What one instance of Paxos decides: a version of a register. It names the acceptors of the next instance, which is how a MetaStore node is replaced, and those of its own,
/// so that a reader who meets any version, on whatever node, knows whose votes decide it.
/// </summary>
/// <param name="Deciders">The acceptors of this instance, as the former version named them.</param>
/// <param name="Acceptors">The acceptors of the next instance.</param>
/// <param name="WriteId">Random, drawn by each write: tells a writer that its value won.</param>
/// <param name="FormerWrites">The write ids of the versions before this one, newest first, at most <see cref="MaxFormerWrites"/>: a writer whose answer got lost recognises its win after later versions too (trap 15).</param>
/// <param name="Payload">The caller's.</param>
public sealed record RegisterValue(
    IReadOnlyList<NodeEndpoint> Deciders,
    IReadOnlyList<NodeEndpoint> Acceptors,
    ulong WriteId,
    IReadOnlyList<ulong> FormerWrites,
    ReadOnlyMemory<byte> Payload)
{
    public const int MaxFormerWrites = 16;

    /// <summary>Bounds what a forged value can make a reader allocate.</summary>
    public const int MaxAcceptors = 31;

    private const byte Format = 1;
    private const int EndpointFixedSize = 4 + 16 + 4 + 2;

    /// <summary>The format of the register's bytes; see docs/protocol.md.</summary>
    public byte[] Encode()
    {
        var size = 1 + SizeOf(Deciders) + SizeOf(Acceptors) + 8 + 4 + FormerWrites.Count * 8 + MessageWriter.SizeOf(Payload);
        var bytes = new byte[size];
        var writer = new MessageWriter(bytes);
        writer.U8(Format);
        Write(ref writer, Deciders);
        Write(ref writer, Acceptors);
        writer.U64(WriteId);
        writer.U32((uint)FormerWrites.Count);
        foreach (var id in FormerWrites) writer.U64(id);
        writer.Bytes(Payload.Span);
        return bytes;
    }

    /// <summary>Null if the bytes are no well-formed value.</summary>
    public static RegisterValue? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) return null;
        if (Read(ref reader) is not { } deciders || Read(ref reader) is not { } acceptors) return null;
        var writeId = reader.U64();
        var former = new ulong[reader.Count(8)];
        if (former.Length > MaxFormerWrites) return null;
        for (var i = 0; i < former.Length; i++) former[i] = reader.U64();
        var payload = reader.Bytes();
        return reader.IsComplete ? new RegisterValue(deciders, acceptors, writeId, former, payload) : null;
    }

    public bool Equals(RegisterValue? other) =>
        other is not null && WriteId == other.WriteId && Deciders.SequenceEqual(other.Deciders) && Acceptors.SequenceEqual(other.Acceptors)
        && FormerWrites.SequenceEqual(other.FormerWrites) && Payload.Span.SequenceEqual(other.Payload.Span);

    public override int GetHashCode() => WriteId.GetHashCode();

    private static int SizeOf(IReadOnlyList<NodeEndpoint> endpoints)
    {
        var size = 4;
        foreach (var endpoint in endpoints) size += EndpointFixedSize - 4 + MessageWriter.SizeOf(endpoint.Host);
        return size;
    }

    private static void Write(ref MessageWriter writer, IReadOnlyList<NodeEndpoint> endpoints)
    {
        writer.U32((uint)endpoints.Count);
        foreach (var endpoint in endpoints)
        {
            writer.U32(endpoint.NodeId);
            writer.Guid(endpoint.DiskId);
            writer.Text(endpoint.Host);
            writer.U16((ushort)endpoint.Port);
        }
    }

    private static NodeEndpoint[]? Read(ref MessageReader reader)
    {
        var endpoints = new NodeEndpoint[reader.Count(EndpointFixedSize)];
        if (endpoints.Length is 0 or > MaxAcceptors) return null;
        for (var i = 0; i < endpoints.Length; i++) endpoints[i] = new NodeEndpoint(reader.U32(), reader.Guid(), reader.Text(), reader.U16());
        return reader.Failed ? null : endpoints;
    }
}
