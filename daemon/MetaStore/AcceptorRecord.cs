using Delos.Protocol.Messages;

namespace Delos.Daemon.MetaStore;

/// <summary>The first byte of an acceptor's journal record. Persisted: values never change.</summary>
internal enum AcceptorRecordKind : byte
{
    /// <summary>A promise; what was accepted stays.</summary>
    Promise = 1,

    /// <summary>A register's whole state.</summary>
    State = 2,
}

/// <summary>The bytes of an acceptor's journal records. The journal guards them with a checksum. See docs/protocol.md.</summary>
internal static class AcceptorRecord
{
    /// <summary>The record that leads from <paramref name="former"/> to <paramref name="next"/>; a promise does not repeat the value.</summary>
    public static byte[] Encode(AcceptorRegister? former, AcceptorRegister next)
    {
        var promiseOnly = former is not null && former.Instance == next.Instance && former.Accepted == next.Accepted;
        var size = 1 + MessageWriter.SizeOf(next.Name) + Ballot.Size + (promiseOnly ? 0 : 8 + Ballot.Size + MessageWriter.SizeOf(next.Value));
        var bytes = new byte[size];
        var writer = new MessageWriter(bytes);
        writer.U8((byte)(promiseOnly ? AcceptorRecordKind.Promise : AcceptorRecordKind.State));
        writer.Text(next.Name);
        next.Promised.Write(ref writer);
        if (promiseOnly) return bytes;
        writer.U64(next.Instance);
        next.Accepted.Write(ref writer);
        writer.Bytes(next.Value.Span);
        return bytes;
    }

    /// <summary>The state after the record. Null: it makes no sense, and the acceptor must not start, since its promises cannot be guessed.</summary>
    public static AcceptorRegister? Decode(ReadOnlySpan<byte> bytes, Func<string, AcceptorRegister?> find)
    {
        var reader = new MessageReader(bytes);
        var kind = (AcceptorRecordKind)reader.U8();
        var name = reader.Text();
        var promised = Ballot.Read(ref reader);
        switch (kind)
        {
            case AcceptorRecordKind.Promise:
                return reader.IsComplete && find(name) is { } former ? former with { Promised = promised } : null;
            case AcceptorRecordKind.State:
                var next = new AcceptorRegister(name, promised, reader.U64(), Ballot.Read(ref reader), reader.Bytes());
                return reader.IsComplete && name.Length > 0 ? next : null;
            default:
                return null;
        }
    }
}
