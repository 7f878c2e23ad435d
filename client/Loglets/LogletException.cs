using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Client.Loglets;

/// <summary>A Loglet could not do what was asked. <see cref="StatusCode.Deleted"/>: fetch the chain again; <see cref="StatusCode.Unavailable"/>: too few of its parts answered in time.</summary>
public sealed class LogletException(LogletId loglet, StatusCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public LogletId Loglet { get; } = loglet;

    public StatusCode Code { get; } = code;
}
