using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>A replica as the log knows it.</summary>
/// <param name="ReportedAt">The position of its last report: an eviction that did not see it does nothing.</param>
/// <param name="Report">What it said.</param>
internal sealed record ReplicaRecord(long ReportedAt, ReplicaReport Report)
{
    public byte[] Encode()
    {
        var report = Report.Encode();
        var bytes = new byte[8 + report.Length];
        new MessageWriter(bytes).I64(ReportedAt);
        report.CopyTo(bytes, 8);
        return bytes;
    }

    /// <exception cref="LocalStoreException">The store holds something else.</exception>
    public static ReplicaRecord Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8) throw new LocalStoreException("A replica's record in the store makes no sense.");
        try
        {
            return new ReplicaRecord(new MessageReader(bytes).Position(), ReplicaReport.Decode(bytes[8..]));
        }
        catch (InvalidDataException e)
        {
            throw new LocalStoreException("A replica's record in the store makes no sense.", e);
        }
    }
}
