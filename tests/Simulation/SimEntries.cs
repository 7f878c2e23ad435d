using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Entries;

namespace Delos.Tests.Simulation;

/// <summary>Real encoded entries: the payload repeats the append id, so that a mixed-up entry shows.</summary>
internal static class SimEntries
{
    /// <param name="id">The append id.</param>
    /// <param name="content">Number of what a replica's entry holds (<see cref="SimContents"/>); null: of no replica.</param>
    public static byte[] Encode(AppendId id, ulong? content = null) => Encode(id, EntryKind.Data, BitConverter.GetBytes(content ?? id.Sequence));

    public static byte[] Encode(AppendId id, EntryKind kind, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[EntryCodec.EncodedSize(payload.Length)];
        EntryCodec.Encode(bytes, id, kind, payload);
        return bytes;
    }

    public static byte[][] Split(byte[] payload)
    {
        var entries = new List<byte[]>();
        var reader = new EntryReader(new ReadOnlySequence<byte>(payload));
        while (true)
        {
            var offset = reader.Offset;
            if (!reader.TryNextIntact(out var header)) return [.. entries];
            entries.Add(payload[offset..(offset + header.Size)]);
        }
    }

    /// <summary>Of a gap record the default, which no append has.</summary>
    public static AppendId[] Ids(byte[] payload)
    {
        var ids = new List<AppendId>();
        var reader = new EntryReader(new ReadOnlySequence<byte>(payload));
        while (reader.TryNextIntact(out var header))
        {
            if ((header.Kind == EntryKind.Gap) != (header.Id == default)) throw new InvalidOperationException($"An entry of kind {header.Kind} with append id {header.Id}.");
            ids.Add(header.Id);
        }

        return [.. ids];
    }
}
