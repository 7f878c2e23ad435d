namespace Delos.Protocol.Tables;

/// <summary>The bytes of an answer in a buffer of this thread: to be disposed of by it, once.</summary>
public readonly ref struct EncodedReply
{
    private readonly ByteBuilder _builder;

    internal EncodedReply(ByteBuilder builder) => _builder = builder;

    /// <summary>Valid until disposed of.</summary>
    public ReadOnlyMemory<byte> Bytes => _builder.WrittenMemory;

    public void Dispose() => _builder.Return();
}
