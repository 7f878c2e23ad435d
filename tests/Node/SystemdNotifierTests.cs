using System.Net.Sockets;
using System.Text;
using Delos.Daemon.Node;

namespace Delos.Tests.Node;

[TestFixture]
public class SystemdNotifierTests
{
    [Test]
    public void State_arrives_at_the_socket()
    {
        var path = Path.Combine(Path.GetTempPath(), $"delos-{Guid.NewGuid():n}.sock");
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            Assert.That(SystemdNotifier.Notify("READY=1", path), Is.True);
            var buffer = new byte[64];
            Assert.That(Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer)), Is.EqualTo("READY=1"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("/nonexistent/socket")]
    public void Nobody_to_notify_is_no_failure(string? path) => Assert.That(SystemdNotifier.Notify("READY=1", path), Is.False);
}
