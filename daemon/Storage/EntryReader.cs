using System.Buffers;
using System.Buffers.Binary;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>
/// One read: preads the durable part of a generation in chunks, follows the records of one Loglet from a mark of the index on, checks every entry's CRC and copies whole entries into blocks.
/// FasterLog's iterators are not used: on disk they cost a megabyte and a millisecond each (FASTERLOG.md).
/// </summary>
internal ref struct EntryReader(GenerationFiles files, LogletId loglet)
{
    private const int FirstChunk = 64 << 10;
    private const int FurtherChunk = 256 << 10;
    private const int HeaderSpace = 4 + RecordHeader.Size;

    private readonly long _tail = files.Tail;
    private byte[] _buffer = [];
    private long _start;
    private int _length;
    private RetainedPayload? _payload;
    private Block? _block;
    private int _used;
    private int _count;

    /// <summary>The position after the last entry read.</summary>
    public long Position { get; private set; }

    /// <summary>The record to go on with, and the place in it.</summary>
    public long ResumeAddress { get; private set; }

    public int ResumeOffset { get; private set; }

    public StorageReadStatus Read(in LogletIndex.Place place, long first, long limit, int maxBytes, out StorageReadResult result)
    {
        Position = first;
        var damagedEnd = -1L;
        try
        {
            damagedEnd = Follow(place, Math.Min(limit, place.Stop), maxBytes);
            result = _count > 0
                ? new StorageReadResult { Payload = _payload, Count = _count }
                : new StorageReadResult { UnknownFirst = first, UnknownEnd = Math.Min(Math.Max(damagedEnd, first), place.Stop) };
            if (_count > 0)
            {
                _payload = null;
                return StorageReadStatus.Ok;
            }

            return damagedEnd > first ? StorageReadStatus.Corrupt : StorageReadStatus.NotHeld;
        }
        finally
        {
            _payload?.Release();
            _block?.Release();
            if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    /// <summary>Follows the records; the end of the damage that stopped it, or -1.</summary>
    private long Follow(in LogletIndex.Place place, long stop, int maxBytes)
    {
        var name = files.Name;
        var address = LogAddress.Local(place.Address);
        var hasSkipped = false;
        while (address < _tail && Position < stop)
        {
            var pageEnd = (address & ~((long)name.PageBytes - 1)) + name.PageBytes;
            if (address + HeaderSpace > Math.Min(pageEnd, _tail)
                || !Ensure(address, HeaderSpace)
                || !RecordHeader.TryRead(At(address + 4, RecordHeader.Size), name.Nonce, address, out var header)
                || LiveGeneration.RecordEnd(address, header.PayloadLength) is var end && (end > pageEnd || end > _tail))
            {
                address = SkipBroken(address, pageEnd);
                hasSkipped = true;
                continue;
            }

            if (header.Loglet == loglet && header.Kind.HoldsEntries() && header.End > Position)
            {
                if (header.First > Position) return header.First;
                var offset = place.PayloadOffset > 0 && address == LogAddress.Local(place.Address) ? place.PayloadOffset : 0;
                var goOn = TakeEntries(header, offset, offset > 0 ? place.Position : header.First, stop, maxBytes, out var damagedEnd);
                if (!goOn) return damagedEnd;
                hasSkipped = false;
            }

            address = end;

            // What was skipped may have been more than padding, and have hidden the next position: a later read begins before it, or at a mark behind it.
            if (hasSkipped) continue;
            ResumeAddress = LogAddress.Make(name.Number, address);
            ResumeOffset = 0;
        }

        // A mark promised the position, and it did not come: lost, unless it is merely not durable yet.
        return Position < stop && stop != long.MaxValue ? Position + 1 : -1;
    }

    /// <summary>Where to go on behind padding, or behind damage; after damage, the next record of this Loglet is not the one that is due.</summary>
    private long SkipBroken(long address, long pageEnd)
    {
        var end = Math.Min(pageEnd, _tail);
        if (address + HeaderSpace > end || !Ensure(address, (int)(end - address)) || BinaryPrimitives.ReadInt32LittleEndian(At(address, 4)) == 0) return pageEnd;
        Span<byte> nonce = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, files.Name.Nonce);
        var hit = At(address, (int)(end - address))[13..].IndexOf(nonce);
        return hit < 0 ? pageEnd : address + 13 + hit - 12;
    }

    /// <summary>False: enough, or damage.</summary>
    private bool TakeEntries(in RecordHeader header, int offset, long position, long stop, int maxBytes, out long damagedEnd)
    {
        damagedEnd = -1;
        var payloadStart = header.Address + HeaderSpace;
        var payloadEnd = payloadStart + header.PayloadLength;
        var at = payloadStart + offset;
        for (; position < header.End; position++)
        {
            if (position >= stop) return Pause(header.Address, at - payloadStart);
            if (at + EntryCodec.HeaderSize > payloadEnd
                || !Ensure(at, EntryCodec.HeaderSize)
                || !EntryCodec.TryReadHeader(At(at, EntryCodec.HeaderSize), out var entry)
                || at + entry.Size > payloadEnd)
            {
                damagedEnd = header.End;
                return false;
            }

            if (position >= Position)
            {
                if (_count > 0 && _payload!.Length + entry.Size > maxBytes) return Pause(header.Address, at - payloadStart);
                if (!Ensure(at, entry.Size) || !EntryCodec.IsIntact(At(at, entry.Size)))
                {
                    damagedEnd = position + 1;
                    return false;
                }

                CopyOut(At(at, entry.Size));
                _count++;
                Position = position + 1;
            }

            at += entry.Size;
        }

        return true;
    }

    private bool Pause(long address, long offset)
    {
        ResumeAddress = LogAddress.Make(files.Name.Number, address);
        ResumeOffset = (int)offset;
        return false;
    }

    private readonly ReadOnlySpan<byte> At(long address, int length) => _buffer.AsSpan((int)(address - _start), length);

    /// <summary>The bytes are in the buffer. False: the file ends before.</summary>
    private bool Ensure(long address, int length)
    {
        if (address >= _start && address + length <= _start + _length) return true;
        var wanted = (int)Math.Min(Math.Max(length, _buffer.Length == 0 ? FirstChunk : FurtherChunk), _tail - address);
        if (wanted < length) return false;
        if (_buffer.Length < wanted)
        {
            if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(wanted);
        }

        _start = address;
        _length = files.Read(address, _buffer.AsSpan(0, wanted));
        return _length >= length;
    }

    private void CopyOut(ReadOnlySpan<byte> bytes)
    {
        _payload ??= RetainedPayload.Create();
        while (!bytes.IsEmpty)
        {
            if (_block is null || _used == Block.Size)
            {
                _block?.Release();
                _block = BlockPool.Shared.Take();
                _used = 0;
            }

            var length = Math.Min(bytes.Length, Block.Size - _used);
            bytes[..length].CopyTo(_block.Array.AsSpan(_used));
            _payload.Append(_block, _used, length);
            _used += length;
            bytes = bytes[length..];
        }
    }
}
