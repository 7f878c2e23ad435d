using System.Net.Sockets;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Client.Tables;

/// <summary>What a failed attempt at one node means for the next one.</summary>
internal enum FailureKind
{
    /// <summary>Nothing was done; another node may be able to.</summary>
    Elsewhere,

    /// <summary>Nothing was done: the node does not have the role. The node list is out of date.</summary>
    Moved,

    /// <summary>Nothing was done: too much is asked of the node at a time.</summary>
    Busy,

    /// <summary>No answer came; it may have been done.</summary>
    Lost,

    /// <summary>Nothing was done, and no node will do it.</summary>
    Final,
}

/// <summary>Why an attempt failed. Pure.</summary>
/// <param name="Kind">What follows.</param>
/// <param name="Code">What the application is told if it was the last attempt.</param>
/// <param name="Message">The same for people.</param>
internal readonly record struct AttemptFailure(FailureKind Kind, DelosErrorCode Code, string Message)
{
    /// <summary>Of the dial: nothing was sent.</summary>
    public static AttemptFailure OfDial(uint node, Exception e) => new(FailureKind.Elsewhere, DelosErrorCode.Unavailable, $"node {node} cannot be reached: {e.Message}");

    public static AttemptFailure OfTimeout(uint node) => new(FailureKind.Lost, DelosErrorCode.Unavailable, $"node {node} did not answer in time");

    /// <summary>Of the request, once there was a connection.</summary>
    public static AttemptFailure OfRequest(uint node, Exception e) => e switch
    {
        DelosProtocolException { Code: StatusCode.NotServed } => new(FailureKind.Moved, DelosErrorCode.Unavailable, $"node {node}: {e.Message}"),
        DelosProtocolException { Code: StatusCode.Unavailable } => new(FailureKind.Elsewhere, DelosErrorCode.Unavailable, $"node {node}: {e.Message}"),
        DelosProtocolException { Code: StatusCode.LimitExceeded } => new(FailureKind.Busy, DelosErrorCode.LimitExceeded, $"node {node}: {e.Message}"),
        DelosProtocolException { Code: StatusCode.Internal } => new(FailureKind.Lost, DelosErrorCode.Internal, $"node {node}: {e.Message}"),
        DelosProtocolException => new(FailureKind.Final, DelosErrorCode.Protocol, $"node {node}: {e.Message}"),
        _ => new(FailureKind.Lost, DelosErrorCode.Unavailable, $"the connection to node {node} was lost: {e.Message}"),
    };

    /// <summary>What connecting or a request may throw when the peer or the network is at fault.</summary>
    public static bool IsOne(Exception e) => e is ConnectionLostException or DelosProtocolException or SocketException;

    public DelosException ToException() => new(Code, Message);
}
