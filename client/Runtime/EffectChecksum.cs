using System.Buffers.Binary;
using Delos.Protocol.Entries;

namespace Delos.Runtime;

/// <summary>
/// A transaction that takes a checksum of what is written through it, in order. Replicas that apply the same entries alike get the same; one that does not is found out by comparing (<see cref="ReplicaTable"/>).
/// </summary>
internal sealed class EffectChecksum(IStoreTransaction inner) : IStoreTransaction
{
    private const byte Appended = 0x80;

    private readonly List<uint> _savepoints = [];
    private uint _crc = Crc32C.Begin();

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => inner.Get(space, key);

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Note((byte)space, key, value.Length);
        _crc = Crc32C.Append(_crc, value);
        inner.Put(space, key, value);
    }

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        Note((byte)(Appended | (byte)space), key, bytes.Length);
        _crc = Crc32C.Append(_crc, bytes);
        inner.Append(space, key, bytes);
    }

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key)
    {
        Note((byte)space, key, -1);
        inner.Delete(space, key);
    }

    public int Savepoint()
    {
        var savepoint = inner.Savepoint();
        while (_savepoints.Count <= savepoint) _savepoints.Add(0);
        _savepoints[savepoint] = _crc;
        return savepoint;
    }

    public void RollBackTo(int savepoint)
    {
        inner.RollBackTo(savepoint);
        _crc = _savepoints[savepoint];
    }

    /// <summary>An answer is an effect, too.</summary>
    public void NoteAnswer(ReadOnlySpan<byte> answer) => _crc = Crc32C.Append(_crc, answer);

    /// <summary>The checksum of all that came before and of what was written since the last call.</summary>
    public ulong Take(ulong before, long position)
    {
        var crc = Crc32C.Finish(_crc);
        _crc = Crc32C.Begin();
        var mixed = before ^ ((ulong)position * 0x9E3779B97F4A7C15) ^ crc;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>The owner of the transaction does that.</summary>
    public void Commit() => throw new InvalidOperationException("A state machine does not commit; the runtime does.");

    public void Dispose()
    {
    }

    private void Note(byte space, ReadOnlySpan<byte> key, int valueLength)
    {
        Span<byte> head = stackalloc byte[9];
        head[0] = space;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[5..], valueLength);
        _crc = Crc32C.Append(Crc32C.Append(_crc, head), key);
    }
}
