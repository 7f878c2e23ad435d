using Delos.Protocol.Entries;

namespace Delos.Daemon.Storage;

/// <summary>Goes through the entries of a record's payload.</summary>
internal static class EntryWalk
{
    public static bool AllIntact(ReadOnlySpan<byte> payload, int count)
    {
        for (; count > 0; count--)
        {
            if (!EntryCodec.TryReadHeader(payload, out var header) || header.Size > payload.Length || !EntryCodec.IsIntact(payload[..header.Size])) return false;
            payload = payload[header.Size..];
        }

        return payload.IsEmpty;
    }

    /// <summary>Which positions of a damaged record are lost: single entries, or everything from where the lengths no longer lead on.</summary>
    public static void FindDamaged(ReadOnlySpan<byte> payload, long first, int count, Action<long, long> onDamaged)
    {
        var end = first + count;
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
}
