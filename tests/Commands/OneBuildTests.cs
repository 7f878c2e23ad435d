using Delos.Daemon;
using Delos.Daemon.Commands;

namespace Delos.Tests.Commands;

public class OneBuildTests
{
    [Test]
    public void Assemblies_of_one_build_work_together()
    {
        Assert.That(OneBuild.Check, Throws.Nothing);
        Assert.That(() => OneBuild.Check([("delosd", "1+a"), ("Delos.Client", "1+a")]), Throws.Nothing);
    }

    [Test]
    public void An_assembly_of_another_build_is_refused_by_name() =>
        Assert.That(
            () => OneBuild.Check([("delosd", "1+a"), ("Delos.Client", "1+a"), ("Delos.Protocol", "1+b")]),
            Throws.TypeOf<CommandException>().With.Message.Contains("Delos.Protocol.dll").And.Message.Contains("1+b").And.Message.Contains("1+a"));
}
