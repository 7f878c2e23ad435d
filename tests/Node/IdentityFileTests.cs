using Delos.Daemon.Node;
using Delos.Protocol.Identity;

namespace Delos.Tests.Node;

[TestFixture]
public class IdentityFileTests
{
    private static readonly NodeIdentity s_identity = new(new Guid("11111111-2222-3333-4444-555555555555"), 7, new Guid("66666666-7777-8888-9999-aaaaaaaaaaaa"));
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("delos-identity-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [TestCase(false)]
    [TestCase(true)]
    public void Identity_written_is_the_identity_read(bool isReplacement)
    {
        IdentityFile.Create(_directory, s_identity, isReplacement);
        Assert.That(IdentityFile.Read(_directory), Is.EqualTo(new DiskIdentity(s_identity, isReplacement)));
        Assert.That(Directory.GetFiles(_directory), Has.Length.EqualTo(1));
    }

    [Test]
    public void Identity_is_text_with_a_checksum() =>
        Assert.That(IdentityFile.Format(s_identity, false), Is.EqualTo(
            "delos identity 1\ncluster = 11111111-2222-3333-4444-555555555555\nnode = 7\ndisk = 66666666-7777-8888-9999-aaaaaaaaaaaa\nreplacement = false\ncrc32c = b6b34c25\n"));

    [Test]
    public void Directory_without_identity_has_none() => Assert.That(IdentityFile.Read(_directory), Is.Null);

    [Test]
    public void Second_identity_is_refused()
    {
        IdentityFile.Create(_directory, s_identity, false);
        Assert.That(() => IdentityFile.Create(_directory, s_identity with { NodeId = 8 }, false), Throws.TypeOf<NodeStartException>().With.Message.Contains("is initialised already: node 7"));
        Assert.That(IdentityFile.Read(_directory)?.Identity.NodeId, Is.EqualTo(7));
    }

    [Test]
    public void Every_flipped_byte_is_noticed()
    {
        var text = IdentityFile.Format(s_identity, false);
        for (var i = 0; i < text.Length; i++)
        {
            var damaged = text[..i] + (char)(text[i] ^ 1) + text[(i + 1)..];
            Assert.That(IdentityFile.Parse(damaged), Is.Null, $"byte {i}");
        }
    }

    [Test]
    public void Truncated_identity_is_an_error_not_an_absence()
    {
        File.WriteAllText(IdentityFile.PathIn(_directory), IdentityFile.Format(s_identity, false)[..40]);
        Assert.That(() => IdentityFile.Read(_directory), Throws.TypeOf<NodeStartException>().With.Message.Contains("is damaged"));
    }
}
