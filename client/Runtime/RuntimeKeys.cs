using System.Buffers.Binary;
using System.Text;

namespace Delos.Runtime;

/// <summary>The keys of <see cref="StoreSpace.Runtime"/>. Numbers are big-endian, so that they sort.</summary>
internal static class RuntimeKeys
{
    /// <summary>→ <see cref="CursorRecord"/>.</summary>
    public static ReadOnlySpan<byte> Cursor => "c"u8;

    public static ReadOnlySpan<byte> GatePrefix => "g"u8;

    public static ReadOnlySpan<byte> ReplicaPrefix => "r"u8;

    public static ReadOnlySpan<byte> ClaimPrefix => "k"u8;

    public static ReadOnlySpan<byte> SessionPrefix => "s"u8;

    /// <summary>→ level (4 bytes).</summary>
    public static byte[] Gate(string feature) => [.. GatePrefix, .. Encoding.UTF8.GetBytes(feature)];

    /// <summary>→ <see cref="ReplicaRecord"/>.</summary>
    public static byte[] Replica(ulong replica) => Numbered(ReplicaPrefix[0], replica);

    /// <summary>→ checksum (8 bytes) of the state in front of that position.</summary>
    public static byte[] Claim(long position) => Numbered(ClaimPrefix[0], (ulong)position);

    /// <summary>→ <see cref="SessionRecord"/>; the session's answers follow it in order.</summary>
    public static byte[] Session(ulong session) => Numbered(SessionPrefix[0], session);

    /// <summary>→ the n-th <see cref="AnswerPage"/> of the session.</summary>
    public static byte[] AnswerPage(ulong session, ulong number)
    {
        var key = new byte[17];
        Session(session).CopyTo(key, 0);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(9), number);
        return key;
    }

    /// <summary>→ an answer that is too long for a page; sorts behind those.</summary>
    public static byte[] LongAnswer(ulong session, ulong sequence) => [.. AnswerPage(session, ulong.MaxValue), .. Numbered(0, sequence)];

    /// <summary>The first key that does not begin so.</summary>
    public static byte[] After(ReadOnlySpan<byte> prefix) => [(byte)(prefix[0] + 1)];

    /// <summary>The number behind a one-letter prefix.</summary>
    public static ulong NumberOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[1..]);

    private static byte[] Numbered(byte prefix, ulong number)
    {
        var key = new byte[9];
        key[0] = prefix;
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(1), number);
        return key;
    }
}
