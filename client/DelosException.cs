namespace Delos.Client;

/// <summary>The one exception that the library throws for failures of the log or its cluster. Cancellation throws <see cref="OperationCanceledException"/>, misuse the framework's argument exceptions.</summary>
public sealed class DelosException : Exception
{
    public DelosException(DelosErrorCode code, string message, Exception? innerException = null, uint? node = null, string? endpoint = null)
        : base(message, innerException)
    {
        Code = code;
        Node = node;
        Endpoint = endpoint;
    }

    public DelosErrorCode Code { get; }

    /// <summary>True if the same call may well succeed later without anybody changing anything. An append may be repeated as a new append only if <see cref="Code"/> is not <see cref="DelosErrorCode.OutcomeUnknown"/>.</summary>
    public bool IsTransient => Code is DelosErrorCode.Unavailable or DelosErrorCode.Conflict or DelosErrorCode.DiskFull;

    /// <summary>The node that the failure came from, where one is known.</summary>
    public uint? Node { get; }

    /// <summary>The endpoint that the failure came from, where one is known.</summary>
    public string? Endpoint { get; }

    internal static DelosException Trimmed(long position) => new(DelosErrorCode.Trimmed, $"Position {position} has been trimmed.");
}
