using Delos.Protocol.Blocks;
using FASTER.core;

namespace Delos.Daemon.Storage;

/// <summary>Writes a record straight into FasterLog's page: the one copy in user space. It never throws, or FasterLog's epoch would leak.</summary>
internal readonly unsafe struct RecordEntry(in RecordHeader header, RetainedPayload? payload, byte* bytes) : ILogEnqueueEntry
{
    private readonly RecordHeader _header = header;

    public int SerializedLength => RecordHeader.Size + _header.PayloadLength;

    public void SerializeTo(Span<byte> dest)
    {
        _header.Write(dest);
        var destination = dest[RecordHeader.Size..];
        if (payload is not null) payload.CopyTo(destination);
        else new ReadOnlySpan<byte>(bytes, _header.PayloadLength).CopyTo(destination);
    }
}
