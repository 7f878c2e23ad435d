using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.ObjectPool;

namespace Delos.Protocol.Connections;

/// <summary>The reply to a request. Dispose it once it was read; its buffers are pooled. A second dispose, also of a copy, does nothing.</summary>
public readonly struct Response : IDisposable
{
    private readonly ResponseBuffer _buffer;
    private readonly int _version;

    internal Response(ResponseBuffer buffer)
    {
        _buffer = buffer;
        _version = buffer.Version;
    }

    public FrameType Type => Live.Header.Type;

    public int PayloadLength => Live.Payload?.Length ?? 0;

    /// <summary>Valid until the response is disposed.</summary>
    public ReadOnlySequence<byte> Payload => Live.Payload?.AsSequence() ?? ReadOnlySequence<byte>.Empty;

    /// <summary>False if the reply is of another type or its metadata are not exactly one such message.</summary>
    public bool TryRead<T>(out T message)
        where T : struct, IReadableMessage<T> => Frame.TryRead(Live.Header.Type, Live.Metadata, out message);

    /// <summary>The payload, to be kept longer than the response; the caller owns one reference.</summary>
    public RetainedPayload RetainPayload()
    {
        if (Live.Payload is not { } payload) return RetainedPayload.Create();
        payload.Retain();
        return payload;
    }

    public void Dispose() => _buffer?.Return(_version);

    private ResponseBuffer Live => _buffer is not null && _buffer.Version == _version ? _buffer : throw new ObjectDisposedException(nameof(Response));
}

/// <summary>What a <see cref="Response"/> shows: a copy of the metadata, and the payload where it was received.</summary>
internal sealed class ResponseBuffer
{
    private const int KeptMetadata = 64 * 1024;

    private static readonly ObjectPool<ResponseBuffer> s_pool = new DefaultObjectPool<ResponseBuffer>(new DefaultPooledObjectPolicy<ResponseBuffer>(), maximumRetained: 1024);

    private byte[] _metadata = [];
    private int _version;

    public int Version => Volatile.Read(ref _version);

    public FrameHeader Header { get; private set; }

    public RetainedPayload? Payload { get; private set; }

    public ReadOnlySpan<byte> Metadata => _metadata.AsSpan(0, Header.MetadataLength);

    public static ResponseBuffer Of(in Frame frame)
    {
        var buffer = s_pool.Get();
        var metadata = frame.Metadata;
        if (buffer._metadata.Length < metadata.Length) buffer._metadata = metadata.Length > KeptMetadata ? ArrayPool<byte>.Shared.Rent(metadata.Length) : new byte[Math.Max(256, metadata.Length)];
        metadata.CopyTo(buffer._metadata);
        buffer.Header = frame.Header;
        buffer.Payload = frame.Header.PayloadLength == 0 ? null : frame.RetainPayload();
        return buffer;
    }

    public void Return(int version)
    {
        if (Interlocked.CompareExchange(ref _version, version + 1, version) != version) return;
        Payload?.Release();
        Payload = null;
        if (_metadata.Length > KeptMetadata)
        {
            ArrayPool<byte>.Shared.Return(_metadata);
            _metadata = [];
        }

        s_pool.Return(this);
    }
}
