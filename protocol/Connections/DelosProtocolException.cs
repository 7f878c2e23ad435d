using Delos.Protocol.Framing;

namespace Delos.Protocol.Connections;

/// <summary>The peer refused, or sent something that makes no sense; the code says which.</summary>
public sealed class DelosProtocolException(StatusCode code, string message, Exception? innerException = null) : Exception(message, innerException)
{
    public StatusCode Code { get; } = code;
}
