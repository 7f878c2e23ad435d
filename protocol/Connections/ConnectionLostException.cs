using System.Net.Sockets;

namespace Delos.Protocol.Connections;

/// <summary>There is no connection, or no longer: what was asked over it may or may not have happened.</summary>
public sealed class ConnectionLostException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>The operating system's error, where there was one.</summary>
    public SocketError? SocketError => (InnerException as SocketException)?.SocketErrorCode;

    /// <summary>The peer's machine answered that nobody listens there: the process is gone.</summary>
    public bool IsRefused => SocketError == System.Net.Sockets.SocketError.ConnectionRefused;

    /// <summary>The peer sent nothing for the heartbeat timeout: dialling it again has little hope, it would only be waited for twice.</summary>
    public bool IsSilence { get; init; }
}
