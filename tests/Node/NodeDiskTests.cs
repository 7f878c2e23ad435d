using Delos.Daemon.Configuration;
using Delos.Daemon.Node;
using Delos.Protocol.Identity;

namespace Delos.Tests.Node;

[TestFixture]
[Category("Trap08")]
public class NodeDiskTests
{
    private static readonly NodeIdentity s_identity = new(Guid.NewGuid(), 7, Guid.NewGuid());
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("delos-disk-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    private NodeOptions Options(uint nodeId = 7, Guid cluster = default) => new()
    {
        NodeId = nodeId,
        Listen = new HostPort("127.0.0.1", 0),
        DataDirectory = _directory,
        ClusterId = cluster,
        MetaStore = [new HostPort("127.0.0.1", 1)],
    };

    [Test]
    public void Initialised_disk_opens()
    {
        IdentityFile.Create(_directory, s_identity, false);
        using var disk = NodeDisk.Open(Options(cluster: s_identity.ClusterId));
        Assert.That(disk.Identity.Identity, Is.EqualTo(s_identity));
    }

    [Test]
    public void Emptied_disk_is_refused_and_told_what_to_do() =>
        Assert.That(() => NodeDisk.Open(Options()), Throws.TypeOf<NodeStartException>().With.Message.Contains("has no identity").And.Message.Contains("delosd init"));

    [Test]
    public void Missing_directory_is_refused() =>
        Assert.That(() => NodeDisk.Open(Options() with { DataDirectory = _directory + "-none" }), Throws.TypeOf<NodeStartException>().With.Message.Contains("does not exist"));

    [Test]
    public void Disk_of_another_node_is_refused()
    {
        IdentityFile.Create(_directory, s_identity, false);
        Assert.That(() => NodeDisk.Open(Options(nodeId: 8)), Throws.TypeOf<NodeStartException>().With.Message.Contains("belongs to node 7, but node.id is 8"));
    }

    [Test]
    public void Disk_of_another_cluster_is_refused()
    {
        IdentityFile.Create(_directory, s_identity, false);
        Assert.That(() => NodeDisk.Open(Options(cluster: Guid.NewGuid())), Throws.TypeOf<NodeStartException>().With.Message.Contains($"belongs to cluster {s_identity.ClusterId}"));
    }

    [Test]
    public void Disk_in_use_is_refused_until_it_is_given_up()
    {
        IdentityFile.Create(_directory, s_identity, false);
        using (NodeDisk.Open(Options()))
        {
            Assert.That(() => NodeDisk.Open(Options()), Throws.TypeOf<NodeStartException>().With.Message.Contains("is in use by another delosd"));
        }

        Assert.That(() => NodeDisk.Open(Options()).Dispose(), Throws.Nothing);
    }

    [Test]
    public void Directory_that_cannot_be_written_is_refused()
    {
        IdentityFile.Create(_directory, s_identity, false);

        // Permissions do not stop root; a directory in the lock file's place stops everybody.
        Directory.CreateDirectory(Path.Combine(_directory, "lock"));
        Assert.That(() => NodeDisk.Open(Options()), Throws.TypeOf<NodeStartException>().With.Message.Contains("cannot be written"));
    }
}
