using System.Net.Sockets;
using System.Text;

namespace Delos.Daemon.Node;

/// <summary>Tells systemd (Type=notify) how the service is; does nothing elsewhere.</summary>
internal static class SystemdNotifier
{
    /// <summary>Sends <c>READY=1</c>, <c>STOPPING=1</c> or the like. False if nobody asked for it or the socket refused: the service works all the same.</summary>
    public static bool Notify(string state, string? socketPath)
    {
        if (string.IsNullOrEmpty(socketPath)) return false;

        // A leading @ means the abstract namespace, whose names begin with a zero byte.
        if (socketPath[0] == '@') socketPath = '\0' + socketPath[1..];
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            return socket.Send(Encoding.UTF8.GetBytes(state)) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
