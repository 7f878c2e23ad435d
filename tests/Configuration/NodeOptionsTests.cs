using Delos.Daemon.Configuration;
using Delos.Protocol.Identity;

namespace Delos.Tests.Configuration;

[TestFixture]
public class NodeOptionsTests
{
    private static NodeOptions Options(params string[] flags) => NodeOptions.From(Settings.Load("a.conf", "", new Dictionary<string, string>(), flags, []));

    [Test]
    public void Missing_required_key_is_named() =>
        Assert.That(() => Options(), Throws.TypeOf<ConfigException>().With.Message.Contains("node.id must be set: in the file, by DELOS_NODE_ID, or by --set node.id="));

    [Test]
    public void Values_arrive_in_the_options()
    {
        var options = Options("node.id=7", "node.listen=0.0.0.0:1", "roles.metastore=false", "cluster.metastore=a:1,b:2", "timeouts.heartbeat_interval=50ms");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(options.NodeId, Is.EqualTo(7));
            Assert.That(options.Roles, Is.EqualTo(NodeRoles.Sequencer | NodeRoles.LogServer));
            Assert.That(options.MetaStore, Is.EqualTo(new[] { new HostPort("a", 1), new HostPort("b", 2) }));
            Assert.That(options.HeartbeatInterval, Is.EqualTo(TimeSpan.FromMilliseconds(50)));
            Assert.That(options.Listen.IsWildcard, Is.True);
        }
    }

    [Test]
    public void Node_without_a_role_is_refused() =>
        Assert.That(() => Options("node.id=1", "roles.sequencer=false", "roles.logserver=false", "roles.metastore=false"), Throws.TypeOf<ConfigException>().With.Message.Contains("every role is off"));

    [Test]
    public void Contradicting_values_name_both_places() =>
        Assert.That(() => Options("node.id=1", "timeouts.heartbeat_timeout=90ms"),
            Throws.TypeOf<ConfigException>().With.Message.EqualTo("timeouts.heartbeat_timeout (90ms, --set timeouts.heartbeat_timeout) must be above timeouts.heartbeat_interval (100ms, default)"));

    [TestCase("cluster.metastore=a:1,a:1")]
    [TestCase("cluster.metastore=0.0.0.0:1")]
    [TestCase("node.advertise=0.0.0.0:1")]
    public void Addresses_that_nobody_can_dial_are_refused(string flag) => Assert.That(() => Options("node.id=1", flag), Throws.TypeOf<ConfigException>());
}
