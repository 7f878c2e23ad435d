namespace Delos.Daemon.Storage;

/// <summary>How a <c>TryAppend</c> ended. Anything but <see cref="Ok"/> stored nothing.</summary>
public enum AppendStatus
{
    /// <summary>Copied into the log's memory; durable once the log's durable address reaches the returned end address.</summary>
    Ok = 0,

    /// <summary>The disk is full. The same append works again, unaided, when space returns.</summary>
    NoSpace,

    /// <summary>The disk met an I/O error: nothing will ever be durable again in this process.</summary>
    Failed,

    /// <summary>The payload is larger than <see cref="RecordLog.MaxPayloadBytes"/>.</summary>
    TooLarge,

    /// <summary>The log's page memory is full of bytes that are not durable yet: try again after the next <see cref="ISegmentLogListener.OnDurable"/>. The disk is slower than the appenders.</summary>
    Busy,

    /// <summary>The log was deleted or its store is closed.</summary>
    Closed,
}
