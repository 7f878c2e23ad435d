using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>
/// The bytes that wait to be sent: headers, metadata and copied payloads, written one behind the other into blocks, and pieces of payloads by reference.
/// Double-buffered: one batch is being sent while the other fills. Not thread-safe; no socket.
/// </summary>
internal sealed class SendQueue(BlockPool pool, int copyThreshold) : IDisposable
{
    private SendBatch _filling = new();
    private SendBatch _spare = new();
    private Block? _block;
    private int _used;

    public bool IsEmpty => _filling.Count == 0;

    /// <summary>Adds a frame whose payload stays where it is; takes over one reference of <paramref name="payload"/>. Returns the frame's length.</summary>
    public int Add<T>(in T message, RetainedPayload payload, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        var length = AddHead(message, payload.Length, correlationId, flags, version) + payload.Length;
        if (payload.Length <= copyThreshold * payload.SegmentCount)
        {
            for (var i = 0; i < payload.SegmentCount; i++) AddCopy(payload.GetSpan(i));
            payload.Release();
            return length;
        }

        for (var i = 0; i < payload.SegmentCount; i++)
        {
            // The last piece owns the payload: segments are released in the order in which they are sent.
            _filling.Add(payload.GetArraySegment(i), i == payload.SegmentCount - 1 ? payload : null);
        }

        return length;
    }

    /// <summary>Adds a frame with a copy of <paramref name="payload"/>. Returns the frame's length.</summary>
    public int Add<T>(in T message, ReadOnlySpan<byte> payload, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        var length = AddHead(message, payload.Length, correlationId, flags, version) + payload.Length;
        AddCopy(payload);
        return length;
    }

    /// <summary>What was queued so far, to be sent and then given back; only one batch may be out.</summary>
    public SendBatch Take()
    {
        var batch = _filling;
        _filling = _spare;
        return batch;
    }

    /// <summary>Gives back a batch of which everything was released.</summary>
    public void GiveBack(SendBatch batch) => _spare = batch;

    public void Dispose()
    {
        _filling.ReleaseRest();
        _block?.Release();
        _block = null;
    }

    private int AddHead<T>(in T message, int payloadLength, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        var size = FrameWriter.SizeOf(message);
        if (size <= Block.Size)
        {
            var room = Room(size);
            Commit(FrameWriter.Write(room, message, payloadLength, correlationId, flags, version));
            return size;
        }

        var large = ArrayPool<byte>.Shared.Rent(size);
        FrameWriter.Write(large, message, payloadLength, correlationId, flags, version);
        AddCopy(large.AsSpan(0, size));
        ArrayPool<byte>.Shared.Return(large);
        return size;
    }

    private void AddCopy(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var room = Room(1);
            var length = Math.Min(room.Length, bytes.Length);
            bytes[..length].CopyTo(room);
            Commit(length);
            bytes = bytes[length..];
        }
    }

    private Span<byte> Room(int atLeast)
    {
        // Everything written into it was sent: start over in memory that is still in the cache.
        if (_block is { References: 1 }) _used = 0;
        if (_block is null || Block.Size - _used < atLeast)
        {
            _block?.Release();
            _block = null;
            _block = pool.Take();
            _used = 0;
        }

        return _block.Array.AsSpan(_used);
    }

    private void Commit(int length)
    {
        if (!_filling.TryExtend(_block!.Array, _used, length))
        {
            _block.Retain();
            _filling.Add(_block.Segment(_used, length), _block);
        }

        _used += length;
    }
}
