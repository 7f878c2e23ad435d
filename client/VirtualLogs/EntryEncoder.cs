using System.Buffers.Binary;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;

namespace Delos.Client.VirtualLogs;

/// <summary>Encodes entries, the small ones one behind the other in shared blocks so that a burst of them is one piece to send. Not thread-safe.</summary>
internal sealed class EntryEncoder : IDisposable
{
    private readonly PayloadArena _arena = new();

    /// <param name="id">Of the append.</param>
    /// <param name="payload">Of the entry.</param>
    /// <param name="entry">Empty: filled with the entry, and returned.</param>
    public RetainedPayload Encode(AppendId id, ReadOnlySpan<byte> payload, RetainedPayload entry)
    {
        var size = EntryCodec.EncodedSize(payload.Length);
        if (size <= Block.Size)
        {
            EntryCodec.Encode(_arena.Reserve(size), id, EntryKind.Data, payload);
            _arena.CommitTo(entry, size);
            return entry;
        }

        // Longer than a block: the entry's fixed part first, then the payload in pieces.
        var header = _arena.Reserve(EntryCodec.HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], payload.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], id.ClientId);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], id.Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], (ulong)EntryKind.Data);
        BinaryPrimitives.WriteUInt32LittleEndian(header, Crc32C.Finish(Crc32C.Append(Crc32C.Append(Crc32C.Begin(), header[4..EntryCodec.HeaderSize]), payload)));
        _arena.CommitTo(entry, EntryCodec.HeaderSize);
        while (!payload.IsEmpty)
        {
            var length = Math.Min(payload.Length, Block.Size);
            payload[..length].CopyTo(_arena.Reserve(length));
            _arena.CommitTo(entry, length);
            payload = payload[length..];
        }

        return entry;
    }

    public void Dispose() => _arena.Dispose();
}
