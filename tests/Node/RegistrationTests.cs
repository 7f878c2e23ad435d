using Delos.Daemon.Node;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Tests.Node;

[TestFixture]
[Category("Trap08")]
public class RegistrationTests
{
    private static readonly NodeInfo s_me = new(2, Guid.NewGuid(), "127.0.0.1", 7400, NodeRoles.LogServer);

    [Test]
    public void Known_node_with_its_disk_may_register() => Assert.That(() => Registration.Check(NodeList.Empty.With(s_me with { Port = 1 }), s_me), Throws.Nothing);

    [Test]
    public void Node_with_another_disk_than_the_list_has_is_refused() =>
        Assert.That(() => Registration.Check(NodeList.Empty.With(s_me with { DiskId = Guid.NewGuid() }), s_me), Throws.TypeOf<NodeStartException>().With.Message.Contains("delosd node replace 2"));

    [Test]
    public void Copied_disk_is_refused() =>
        Assert.That(() => Registration.Check(NodeList.Empty.With(s_me with { NodeId = 1 }), s_me), Throws.TypeOf<NodeStartException>().With.Message.Contains("is a copy"));
}
