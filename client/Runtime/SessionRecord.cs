using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>What the store has of a session besides its answers.</summary>
/// <param name="Floor">The lowest number whose answer is kept.</param>
/// <param name="UsedAt">Log time of its last command, in milliseconds since 1970.</param>
/// <param name="Highest">The highest number that was applied, 0: none: above it there are no answers to look for. Less than <see cref="Session.Window"/> above the floor.</param>
internal readonly record struct SessionRecord(ulong Floor, long UsedAt, ulong Highest)
{
    public const int Size = 24;

    /// <exception cref="LocalStoreException">The store holds something else.</exception>
    public static SessionRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        var record = new SessionRecord(reader.U64(), reader.I64(), reader.U64());
        return reader.IsComplete ? record : throw new LocalStoreException("A session's record in the store makes no sense.");
    }

    /// <param name="bytes">Takes <see cref="Size"/> of them.</param>
    public void Write(Span<byte> bytes)
    {
        var writer = new MessageWriter(bytes);
        writer.U64(Floor);
        writer.I64(UsedAt);
        writer.U64(Highest);
    }
}
