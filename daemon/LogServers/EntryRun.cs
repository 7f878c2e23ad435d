using System.Buffers;
using Delos.Protocol.Entries;

namespace Delos.Daemon.LogServers;

/// <summary>Entries back to back, as a store carries them, in however many pieces they were received.</summary>
internal static class EntryRun
{
    /// <summary>True if <paramref name="payload"/> is exactly <paramref name="count"/> entries whose checksums hold. What fails here is never stored.</summary>
    public static bool IsIntact(in ReadOnlySequence<byte> payload, uint count)
    {
        var cursor = new Cursor(payload);
        for (; count > 0; count--)
        {
            if (!cursor.TryTakeIntact()) return false;
        }

        return cursor.IsAtEnd;
    }

    /// <summary>Of entries known to be intact: how many of them, from the entry at <paramref name="offset"/> on, fit into <paramref name="maxBytes"/>; and their bytes. At least one is taken.</summary>
    public static (uint Count, int Bytes) Take(in ReadOnlySequence<byte> payload, int offset, uint maxCount, int maxBytes)
    {
        var cursor = new Cursor(payload.Slice(offset));
        uint count = 0;
        var bytes = 0;
        while (count < maxCount && cursor.TryTake(out var size) && (count == 0 || bytes + size <= maxBytes))
        {
            bytes += size;
            count++;
        }

        return (count, bytes);
    }

    /// <summary>Of entries known to be intact: where entry number <paramref name="index"/> begins.</summary>
    public static int OffsetOf(in ReadOnlySequence<byte> payload, uint index) => index == 0 ? 0 : Take(payload, 0, index, int.MaxValue).Bytes;

    private ref struct Cursor
    {
        private ReadOnlySequence<byte>.Enumerator _pieces;
        private ReadOnlySpan<byte> _piece;

        public Cursor(in ReadOnlySequence<byte> payload)
        {
            _pieces = payload.GetEnumerator();
            NextPiece();
        }

        public readonly bool IsAtEnd => _piece.IsEmpty;

        public bool TryTakeIntact()
        {
            if (EntryCodec.TryReadHeader(_piece, out var header))
            {
                if (_piece.Length >= header.Size)
                {
                    var intact = Crc32C.Compute(_piece[4..header.Size]) == header.Crc;
                    Advance(header.Size);
                    return intact;
                }
            }

            Span<byte> buffer = stackalloc byte[EntryCodec.HeaderSize];
            if (!TryReadHeader(buffer, out header)) return false;
            var crc = Crc32C.Append(Crc32C.Begin(), buffer[4..]);
            var left = header.PayloadLength;
            while (left > 0 && !_piece.IsEmpty)
            {
                var taken = Math.Min(left, _piece.Length);
                crc = Crc32C.Append(crc, _piece[..taken]);
                Advance(taken);
                left -= taken;
            }

            return left == 0 && Crc32C.Finish(crc) == header.Crc;
        }

        public bool TryTake(out int size)
        {
            Span<byte> buffer = stackalloc byte[EntryCodec.HeaderSize];
            size = 0;
            if (!TryReadHeader(buffer, out var header)) return false;
            size = header.Size;
            var left = header.PayloadLength;
            while (left > 0 && !_piece.IsEmpty)
            {
                var taken = Math.Min(left, _piece.Length);
                Advance(taken);
                left -= taken;
            }

            return left == 0;
        }

        private bool TryReadHeader(scoped Span<byte> buffer, out EntryHeader header)
        {
            var filled = 0;
            while (filled < buffer.Length && !_piece.IsEmpty)
            {
                var taken = Math.Min(buffer.Length - filled, _piece.Length);
                _piece[..taken].CopyTo(buffer[filled..]);
                Advance(taken);
                filled += taken;
            }

            return EntryCodec.TryReadHeader(buffer[..filled], out header);
        }

        private void Advance(int count)
        {
            _piece = _piece[count..];
            if (_piece.IsEmpty) NextPiece();
        }

        private void NextPiece()
        {
            _piece = default;
            while (_piece.IsEmpty && _pieces.MoveNext()) _piece = _pieces.Current.Span;
        }
    }
}
