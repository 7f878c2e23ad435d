using System.Buffers;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.Transport;

public sealed class ConnectionTests
{
    private static RecordingHandler Echo() => new()
    {
        Callback = static (Connection connection, in Frame frame) =>
        {
            if (frame.TryRead<TestMessage>(out var message)) connection.Reply(message, frame.RetainPayload(), frame.CorrelationId);
            else connection.ReplyError(StatusCode.NotServed, "not here", frame.CorrelationId);
        },
    };

    [Test]
    public async Task A_request_gets_its_reply_with_its_payload()
    {
        var client = new RecordingHandler();
        await using var loopback = new Loopback(Echo());
        var connection = await loopback.DialAsync(client);
        using var response = await connection.RequestAsync(new TestMessage(3, 4), "payload"u8);
        Assert.Multiple(() =>
        {
            Assert.That(response.TryRead<TestMessage>(out var message) ? message : default, Is.EqualTo(new TestMessage(3, 4)));
            Assert.That(response.Payload.ToArray(), Is.EqualTo("payload"u8.ToArray()));
            Assert.That(connection.Peer.NodeId, Is.EqualTo(1));
            Assert.That(connection.Peer.ClusterId, Is.EqualTo(Loopback.Cluster));
            Assert.That(client.Frames, Is.Zero);
        });
    }
}
