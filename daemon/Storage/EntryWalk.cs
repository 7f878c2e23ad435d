using System.Numerics;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;

namespace Delos.Daemon.Storage;

/// <summary>Goes through the entries of a record's payload.</summary>
internal static class EntryWalk
{
    private const uint NotStated = 0;

    /// <summary>
    /// What a record's header says of its entries: the CRC32C of their checksums, in order. An entry does not know its position, so that one in the place of another (a block that was written to the wrong
    /// place, between entries of one size) would be intact by itself. Never 0, which headers of older versions have; 0 for bytes that are no entries.
    /// </summary>
    public static uint Checksum(ReadOnlySpan<byte> entries)
    {
        var crc = Crc32C.Begin();
        while (!entries.IsEmpty)
        {
            if (!EntryCodec.TryReadHeader(entries, out var header) || header.Size > entries.Length) return NotStated;
            crc = BitOperations.Crc32C(crc, header.Crc);
            entries = entries[header.Size..];
        }

        return Stated(crc);
    }

    /// <inheritdoc cref="Checksum(ReadOnlySpan{byte})"/>
    public static uint Checksum(RetainedPayload entries)
    {
        if (entries.SegmentCount == 1) return Checksum(entries.GetSpan(0));
        var crc = Crc32C.Begin();
        Span<byte> straddling = stackalloc byte[EntryCodec.HeaderSize];
        long skip = 0;
        var have = 0;
        for (var i = 0; i < entries.SegmentCount; i++)
        {
            var piece = entries.GetSpan(i);
            while (!piece.IsEmpty)
            {
                if (skip > 0)
                {
                    var skipped = (int)Math.Min(skip, piece.Length);
                    piece = piece[skipped..];
                    skip -= skipped;
                    continue;
                }

                EntryHeader header;
                if (have == 0 && piece.Length >= EntryCodec.HeaderSize)
                {
                    if (!EntryCodec.TryReadHeader(piece, out header)) return NotStated;
                    skip = header.Size;
                }
                else
                {
                    var taken = Math.Min(EntryCodec.HeaderSize - have, piece.Length);
                    piece[..taken].CopyTo(straddling[have..]);
                    have += taken;
                    piece = piece[taken..];
                    if (have < EntryCodec.HeaderSize) continue;
                    if (!EntryCodec.TryReadHeader(straddling, out header)) return NotStated;
                    skip = header.PayloadLength;
                    have = 0;
                }

                crc = BitOperations.Crc32C(crc, header.Crc);
            }
        }

        return skip == 0 && have == 0 ? Stated(crc) : NotStated;
    }

    /// <summary>Exactly so many intact entries, and those that the record was written with.</summary>
    public static bool AllIntact(ReadOnlySpan<byte> payload, int count, uint checksum)
    {
        var crc = Crc32C.Begin();
        for (; count > 0; count--)
        {
            if (!EntryCodec.TryReadHeader(payload, out var header) || header.Size > payload.Length || !EntryCodec.IsIntact(payload[..header.Size])) return false;
            crc = BitOperations.Crc32C(crc, header.Crc);
            payload = payload[header.Size..];
        }

        return payload.IsEmpty && (checksum == NotStated || checksum == Stated(crc));
    }

    /// <summary>
    /// Which positions of a damaged record are lost: single entries; everything, where the entries' checksums are not those that the record was written with; in records that do not state that, everything from
    /// where the lengths no longer lead on.
    /// </summary>
    public static void FindDamaged(ReadOnlySpan<byte> payload, long first, int count, uint checksum, Action<long, long> onDamaged)
    {
        var end = first + count;
        if (checksum != NotStated && Checksum(payload) != checksum)
        {
            if (count > 0) onDamaged(first, end);
            return;
        }

        for (var position = first; position < end; position++)
        {
            if (!EntryCodec.TryReadHeader(payload, out var header) || header.Size > payload.Length || (position + 1 == end && header.Size != payload.Length))
            {
                onDamaged(position, end);
                return;
            }

            if (!EntryCodec.IsIntact(payload[..header.Size]))
            {
                // A wrong length may still be plausible: trust it only if the next entry holds, or none follows.
                var next = payload[header.Size..];
                var leadsOn = position + 1 == end || (EntryCodec.TryReadHeader(next, out var following) && following.Size <= next.Length && EntryCodec.IsIntact(next[..following.Size]));
                onDamaged(position, leadsOn ? position + 1 : end);
                if (!leadsOn) return;
            }

            payload = payload[header.Size..];
        }
    }

    private static uint Stated(uint crc) => Crc32C.Finish(crc) is var checksum && checksum != NotStated ? checksum : 1;
}
