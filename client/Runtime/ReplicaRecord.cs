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

    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    public static ReplicaRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reportedAt = new MessageReader(bytes).Position();
        return new ReplicaRecord(reportedAt, ReplicaReport.Decode(bytes[8..]));
    }
}
