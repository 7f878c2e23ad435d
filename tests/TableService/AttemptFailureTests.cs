using Delos.Client.Tables;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.TableService;

/// <summary>What a failed request tells of the work that was asked for.</summary>
public sealed class AttemptFailureTests
{
    [TestCase(StatusCode.NotServed, FailureKind.Moved)]
    [TestCase(StatusCode.Unavailable, FailureKind.Elsewhere)]
    [TestCase(StatusCode.LimitExceeded, FailureKind.Busy)]
    [TestCase(StatusCode.Internal, FailureKind.Lost)]
    [TestCase(StatusCode.Malformed, FailureKind.Final)]
    public void An_error_of_the_node_says_what_to_do(StatusCode code, object kind) =>
        Assert.That(AttemptFailure.OfRequest(1, new DelosProtocolException(code, "why")).Kind, Is.EqualTo((FailureKind)kind));

    [Test]
    public void A_connection_that_breaks_after_the_request_leaves_it_open_whether_it_was_done()
    {
        Assert.That(AttemptFailure.OfRequest(1, new ConnectionLostException("gone")).Kind, Is.EqualTo(FailureKind.Lost));
        Assert.That(AttemptFailure.OfTimeout(1).Kind, Is.EqualTo(FailureKind.Lost));
        Assert.That(AttemptFailure.OfDial(1, new ConnectionLostException("refused")).Kind, Is.EqualTo(FailureKind.Elsewhere), "nothing was sent");
    }
}
