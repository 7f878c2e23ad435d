using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Entries;

namespace Delos.Tests.Sequencers;

/// <summary>Entry bytes for tests.</summary>
internal static class Entries
{
    public static byte[] Of(ulong client, int size, params ulong[] sequences)
    {
        var bytes = new byte[sequences.Length * EntryCodec.EncodedSize(size)];
        var payload = new byte[size];
        var offset = 0;
        foreach (var sequence in sequences)
        {
            Array.Fill(payload, (byte)sequence);
            offset += EntryCodec.Encode(bytes.AsSpan(offset), new AppendId(client, sequence), EntryKind.Data, payload);
        }

        return bytes;
    }

    public static ulong[] SequencesOf(in ReadOnlySequence<byte> entries) => [.. IdsOf(entries).Select(id => id.Sequence)];

    public static List<AppendId> IdsOf(in ReadOnlySequence<byte> entries)
    {
        var ids = new List<AppendId>();
        var reader = new EntryReader(entries);
        while (reader.TryNext(out var header)) ids.Add(header.Id);
        Assert.That(reader.IsAtEnd, "whole entries");
        return ids;
    }

    /// <summary>The same bytes in pieces of <paramref name="piece"/> bytes.</summary>
    public static ReadOnlySequence<byte> InPieces(byte[] bytes, int piece)
    {
        Node? first = null, last = null;
        for (var offset = 0; offset < bytes.Length; offset += piece)
        {
            var node = new Node(bytes.AsMemory(offset, Math.Min(piece, bytes.Length - offset)), last);
            first ??= node;
            last = node;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Node : ReadOnlySequenceSegment<byte>
    {
        public Node(ReadOnlyMemory<byte> memory, Node? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
