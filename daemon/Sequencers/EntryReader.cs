using System.Buffers;
using Delos.Protocol.Entries;

namespace Delos.Daemon.Sequencers;

/// <summary>Walks over entries that lie back to back, possibly across blocks.</summary>
public ref struct EntryReader(in ReadOnlySequence<byte> bytes)
{
    private SequenceReader<byte> _reader = new(bytes);

    /// <summary>Bytes of the entries passed so far.</summary>
    public readonly int Offset => (int)_reader.Consumed;

    public readonly bool IsAtEnd => _reader.End;

    /// <summary>False at the end, and where no whole entry stands.</summary>
    public bool TryNext(out EntryHeader header)
    {
        if (!TryReadHeader(out header)) return false;
        _reader.Advance(header.Size);
        return true;
    }

    /// <summary>As <see cref="TryNext"/>; false also where the entry's checksum does not hold.</summary>
    public bool TryNextIntact(out EntryHeader header)
    {
        if (!TryReadHeader(out header)) return false;
        var unread = _reader.UnreadSpan;
        if (unread.Length >= header.Size)
        {
            _reader.Advance(header.Size);
            return Crc32C.Compute(unread[4..header.Size]) == header.Crc;
        }

        _reader.Advance(4);
        var crc = Crc32C.Begin();
        for (var left = header.Size - 4; left > 0;)
        {
            var piece = _reader.UnreadSpan;
            if (piece.Length > left) piece = piece[..left];
            crc = Crc32C.Append(crc, piece);
            _reader.Advance(piece.Length);
            left -= piece.Length;
        }

        return Crc32C.Finish(crc) == header.Crc;
    }

    private readonly bool TryReadHeader(out EntryHeader header)
    {
        bool found;
        var unread = _reader.UnreadSpan;
        if (unread.Length >= EntryCodec.HeaderSize)
        {
            found = EntryCodec.TryReadHeader(unread, out header);
        }
        else
        {
            Span<byte> copy = stackalloc byte[EntryCodec.HeaderSize];
            header = default;
            found = _reader.TryCopyTo(copy) && EntryCodec.TryReadHeader(copy, out header);
        }

        return found && _reader.Remaining >= header.Size;
    }

    /// <summary>Bytes of the first <paramref name="count"/> entries of <paramref name="bytes"/>, which are known to be entries.</summary>
    public static int LengthOf(in ReadOnlySequence<byte> bytes, int count)
    {
        var entries = new EntryReader(bytes);
        while (count > 0 && entries.TryNext(out _)) count--;
        return entries.Offset;
    }

    /// <summary>How many of the first entries, at least one, together have no more than <paramref name="maxBytes"/> bytes.</summary>
    public static int CountWithin(in ReadOnlySequence<byte> bytes, int maxBytes, out int length)
    {
        var entries = new EntryReader(bytes);
        var count = 0;
        length = 0;
        while (entries.TryNext(out _))
        {
            if (count > 0 && entries.Offset > maxBytes) break;
            count++;
            length = entries.Offset;
        }

        return count;
    }
}
