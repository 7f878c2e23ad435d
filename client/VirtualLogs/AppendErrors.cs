using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>What an application is told when an append fails.</summary>
internal static class AppendErrors
{
    public static DelosException Refused(StatusCode status) => status switch
    {
        StatusCode.DiskFull => new DelosException(DelosErrorCode.DiskFull, "The append was refused: the disks of a majority of the segment's LogServers are full."),
        StatusCode.LimitExceeded => new DelosException(DelosErrorCode.LimitExceeded, "The append was refused: the entry is larger than the sequencer allows."),
        StatusCode.BelowFloor => new DelosException(DelosErrorCode.OutcomeUnknown, "The sequencer takes the append for one that was resolved long ago."),
        _ => new DelosException(DelosErrorCode.Protocol, $"The sequencer refused the append: {status}."),
    };

    public static DelosException Of(AppendLifecycle append) => append.Failure switch
    {
        DelosErrorCode.OutcomeUnknown => new DelosException(
            DelosErrorCode.OutcomeUnknown, "Whether the entry is in the log is not known: the range of the log that could tell was trimmed, or the handle was disposed before the append was answered."),
        DelosErrorCode.Closed => new DelosException(DelosErrorCode.Closed, "The log handle was disposed before the entry was appended; it is not in the log."),
        var code => new DelosException(code, $"The append failed: {code}."),
    };
}
