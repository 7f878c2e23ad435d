using System.Buffers.Binary;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// Builds the bytes of a batch as RocksDB has them in its write-ahead logs, which no version ever changed, so that a commit takes one call and not one for each key: sequence number (8 bytes, the library's to fill in), number of changes (4), and for each
/// its kind (1 byte: 0 deleted, 1 put), length and bytes of the key and, if put, of the value. Lengths are of 7 bits in each byte, low ones first, with the highest bit where one more follows; the others are little-endian. Used again and again.
/// </summary>
internal sealed unsafe class BatchWriter
{
    private const int HeaderSize = 12;
    private const int MostLengthBytes = 5;
    private const byte Deleted = 0;
    private const byte Put = 1;
    private const int KeptBytes = 1 << 20;

    private byte[] _bytes = new byte[1 << 12];
    private int _length = HeaderSize;
    private uint _count;

    public bool IsEmpty => _count == 0;

    /// <param name="key">As stored: with its space.</param>
    /// <param name="change">What became of it.</param>
    public void Add(ReadOnlySpan<byte> key, in Overlay.Change change)
    {
        EnsureRoom(1 + (2 * MostLengthBytes) + key.Length + change.Length);
        _bytes[_length++] = change.Kind == Overlay.ChangeKind.Put ? Put : Deleted;
        Append(key);
        if (change.Kind == Overlay.ChangeKind.Put) Append(change.Value);
        _count++;
    }

    /// <summary>All that was added, as the library's own object. Afterwards the writer is empty.</summary>
    public BatchHandle Take()
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), _count);
        try
        {
            fixed (byte* start = _bytes) return RocksNative.BatchCreate(start, (nuint)_length);
        }
        finally
        {
            Clear();
        }
    }

    public void Clear()
    {
        if (_bytes.Length > KeptBytes) _bytes = new byte[KeptBytes];
        (_length, _count) = (HeaderSize, 0);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var rest = (uint)bytes.Length;
        for (; rest >= 0x80; rest >>= 7) _bytes[_length++] = (byte)(rest | 0x80);
        _bytes[_length++] = (byte)rest;
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    private void EnsureRoom(int count)
    {
        if (_bytes.Length - _length >= count) return;
        var needed = (long)_length + count;
        if (needed > Array.MaxLength) throw new StoreException("commit", $"a transaction writes at most {Array.MaxLength} bytes");
        Array.Resize(ref _bytes, (int)Math.Min(Math.Max(needed, 2L * _bytes.Length), Array.MaxLength));
    }
}
