using Delos.Protocol.Blocks;

namespace Delos.Protocol.Connections;

/// <summary>Pieces of memory to be sent in order, each with what must be released once it was. Not thread-safe.</summary>
internal sealed class SendBatch
{
    private Piece[] _pieces = new Piece[32];
    private int _first;
    private int _firstSent;
    private int _end;

    /// <summary>Pieces not yet sent completely.</summary>
    public int Count => _end - _first;

    /// <summary>Bytes not yet sent.</summary>
    public long Length
    {
        get
        {
            long length = -_firstSent;
            for (var i = _first; i < _end; i++) length += _pieces[i].Length;
            return length;
        }
    }

    public void Add(ArraySegment<byte> bytes, object? owner)
    {
        if (_end == _pieces.Length) Array.Resize(ref _pieces, _pieces.Length * 2);
        _pieces[_end++] = new Piece(bytes.Array!, bytes.Offset, bytes.Count, owner);
    }

    /// <summary>Lengthens the last piece if these bytes lie directly behind it in the same block, which it then keeps alive already.</summary>
    public bool TryExtend(byte[] array, int offset, int length)
    {
        if (_end == _first) return false;
        ref var last = ref _pieces[_end - 1];
        if (last.Array != array || last.Offset + last.Length != offset || last.Owner is not Block) return false;
        last = last with { Length = last.Length + length };
        return true;
    }

    /// <summary>Replaces the list's content by the first unsent pieces, at most <paramref name="max"/>.</summary>
    public void CopyTo(List<ArraySegment<byte>> list, int max)
    {
        list.Clear();
        var skip = _firstSent;
        for (var i = _first; i < _end && list.Count < max; i++)
        {
            var piece = _pieces[i];
            list.Add(new ArraySegment<byte>(piece.Array, piece.Offset + skip, piece.Length - skip));
            skip = 0;
        }
    }

    /// <summary>Describes the first unsent pieces, as many as there is room for, and returns how many. All pieces lie in blocks, which are pinned.</summary>
    public int CopyTo(Span<GatheredSend.IoVector> vectors)
    {
        var count = Math.Min(Count, vectors.Length);
        var skip = _firstSent;
        for (var i = 0; i < count; i++)
        {
            ref var piece = ref _pieces[_first + i];
            vectors[i].Set(piece.Array, piece.Offset + skip, piece.Length - skip);
            skip = 0;
        }

        return count;
    }

    /// <summary>Copies the first unsent bytes, as many as there is room for, and returns how many.</summary>
    public int CopyTo(Span<byte> room)
    {
        var copied = 0;
        var skip = _firstSent;
        for (var i = _first; i < _end && copied < room.Length; i++)
        {
            ref var piece = ref _pieces[i];
            var length = Math.Min(piece.Length - skip, room.Length - copied);
            piece.Array.AsSpan(piece.Offset + skip, length).CopyTo(room[copied..]);
            copied += length;
            skip = 0;
        }

        return copied;
    }

    /// <summary>So many bytes were sent: releases every piece that is through.</summary>
    public void Advance(long sent)
    {
        sent += _firstSent;
        while (_first < _end && sent >= _pieces[_first].Length)
        {
            sent -= _pieces[_first].Length;
            ReleaseFirst();
        }

        _firstSent = (int)sent;
        if (_first == _end) _first = _end = _firstSent = 0;
    }

    /// <summary>Releases everything that was not sent.</summary>
    public void ReleaseRest()
    {
        while (_first < _end) ReleaseFirst();
        _first = _end = _firstSent = 0;
    }

    private void ReleaseFirst()
    {
        switch (_pieces[_first].Owner)
        {
            case Block block:
                block.Release();
                break;
            case RetainedPayload payload:
                payload.Release();
                break;
            default:
                break;
        }

        _pieces[_first++] = default;
    }

    private readonly record struct Piece(byte[] Array, int Offset, int Length, object? Owner);
}
