using System.Buffers;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// Finds the entries of an Append frame's payload and checks what the sequencer relies on: that they fill the payload, that their number, client and order are as the frame says, and that
/// they are intact. A damaged entry would be refused by every LogServer, and its position, once assigned, could only be given up by a seal: one bad frame would end the Loglet. Reused for frame after frame: it allocates only when a frame has more gaps in its sequences than any before.
/// </summary>
public sealed class EntryRunReader
{
    private EntryRun[] _runs = new EntryRun[16];
    private int _count;

    /// <summary>The entries found by the last <see cref="Read"/>, in order; complete if that answered Ok.</summary>
    public ReadOnlySpan<EntryRun> Runs => _runs.AsSpan(0, _count);

    /// <summary>Ok, also if some runs are of entries larger than allowed; Malformed: the bytes are not <paramref name="count"/> intact entries of that client in strictly increasing order of sequence.</summary>
    public StatusCode Read(in ReadOnlySequence<byte> payload, ulong clientId, uint count, int maxEntryBytes)
    {
        _count = 0;
        if (count == 0 || payload.Length > int.MaxValue || count > (ulong)payload.Length / EntryCodec.HeaderSize) return StatusCode.Malformed;
        var entries = new EntryReader(payload);
        var tooLarge = false; // The entries of the run.
        ulong first = 0, last = 0;
        int inRun = 0, runOffset = 0;
        for (var i = 0u; i < count; i++)
        {
            var offset = entries.Offset;
            if (!entries.TryNextIntact(out var header) || header.Id.ClientId != clientId) return StatusCode.Malformed;
            var sequence = header.Id.Sequence;
            var isTooLarge = header.PayloadLength > maxEntryBytes;
            if (inRun > 0)
            {
                if (sequence <= last) return StatusCode.Malformed;
                if (sequence != last + 1 || isTooLarge != tooLarge)
                {
                    Add(new EntryRun(first, inRun, runOffset, offset - runOffset, tooLarge));
                    inRun = 0;
                }
            }

            if (inRun++ == 0) (first, runOffset, tooLarge) = (sequence, offset, isTooLarge);
            last = sequence;
        }

        if (!entries.IsAtEnd) return StatusCode.Malformed;
        Add(new EntryRun(first, inRun, runOffset, entries.Offset - runOffset, tooLarge));
        return StatusCode.Ok;
    }

    private void Add(EntryRun run)
    {
        if (_count == _runs.Length) Array.Resize(ref _runs, _count * 2);
        _runs[_count++] = run;
    }
}
