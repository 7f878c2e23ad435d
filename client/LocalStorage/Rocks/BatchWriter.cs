using System.Buffers.Binary;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// Builds the bytes of a batch as RocksDB has them in its write-ahead logs, which no version ever changed, so that a commit takes one call and not one for each key: sequence number (8 bytes, the library's to fill in), number of changes (4), and for each
/// its kind (1 byte: 0 deleted, 1 put), length and bytes of the key and, if put, of the value. Lengths are of 7 bits in each byte, low ones first, with the highest bit where one more follows; the others are little-endian. Used again and again.
/// </summary>
/// <param name="keptBytes">Of memory, which are kept between batches.</param>
internal sealed unsafe class BatchWriter(long keptBytes)
{
    private const int HeaderSize = 12;
    private const int MostLengthBytes = 5;
    private const int LeastBytes = 1 << 16;
    private const byte Deleted = 0;
    private const byte Put = 1;

    private byte[] _bytes = new byte[LeastBytes];
    private int _length = HeaderSize;
    private uint _count;

    public bool IsEmpty => _count == 0;

    /// <param name="key">As stored: with its space.</param>
    /// <param name="isPut">Else it is deleted.</param>
    /// <param name="value">If it is put.</param>
    public void Add(ReadOnlySpan<byte> key, bool isPut, ReadOnlySpan<byte> value)
    {
        EnsureRoom(1 + (2 * MostLengthBytes) + key.Length + value.Length);
        _bytes[_length++] = isPut ? Put : Deleted;
        Append(key);
        if (isPut) Append(value);
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
        (_length, _count) = (HeaderSize, 0);
        if (_bytes.Length > Math.Max(keptBytes, LeastBytes)) _bytes = new byte[LeastBytes];
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
