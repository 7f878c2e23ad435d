using Delos.Daemon.Configuration;

namespace Delos.Tests.Configuration;

[TestFixture]
public class SampleConfigTests
{
    [Test]
    public void Sample_file_in_the_repository_is_in_step_with_the_table()
    {
        var directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Delos.Native.sln"))) directory = Path.GetDirectoryName(directory);
        Assert.That(directory, Is.Not.Null, "the repository's root");
        var path = Path.Combine(directory ?? "", "delosd.conf");

        // To bring the file in step: DELOS_TESTS_WRITE_SAMPLE=1 dotnet test tests --filter SampleConfigTests
        if (Environment.GetEnvironmentVariable("DELOS_TESTS_WRITE_SAMPLE") == "1") File.WriteAllText(path, SampleConfig.Text());
        Assert.That(File.ReadAllText(path), Is.EqualTo(SampleConfig.Text()));
    }

    [Test]
    public void Sample_file_is_valid()
    {
        var options = NodeOptions.From(Settings.Load("delosd.conf", SampleConfig.Text(), new Dictionary<string, string>(), [], []));
        Assert.That(options.NodeId, Is.EqualTo(1));
    }

    [Test]
    public void Sample_file_with_every_comment_taken_off_is_valid()
    {
        var lines = SampleConfig.Text().Split('\n').Select(l => l.StartsWith('#') && !l.StartsWith("# ", StringComparison.Ordinal) ? l[1..] : l);
        Assert.That(() => Settings.Load("delosd.conf", string.Join('\n', lines), new Dictionary<string, string>(), [], []), Throws.Nothing);
    }
}
