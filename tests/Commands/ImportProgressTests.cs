using Delos.Daemon.Commands;

namespace Delos.Tests.Commands;

/// <summary>An interrupted import goes on only with the file and the table that it began with.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ImportProgressTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-import-").FullName;

    private string Rows => Path.Combine(_directory, "rows.csv");

    private string Kept => ImportProgress.PathFor(Rows, "users");

    [SetUp]
    public void Interrupted()
    {
        Write("id,name\n1,Ann\n2,Bob\n", DateTime.UnixEpoch);
        Assert.That(Load(), Is.Null, "nothing was imported yet");
        (Begin() with { Rows = 1 }).Save(Kept);
    }

    [TearDown]
    public void Delete() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void The_same_file_goes_on_where_it_was() => Assert.That(Load()!.Rows, Is.EqualTo(1));

    [TestCase("id,name\n1,Ann\n2,Bob\n3,Cid\n", 0, TestName = "A_file_that_grew_is_another")]
    [TestCase("id,name\n7,Ann\n2,Bob\n", 0, TestName = "A_file_with_other_rows_is_another_though_its_size_and_time_are_the_same")]
    [TestCase("id,name\n1,Ann\n2,Bob\n", 1, TestName = "A_file_that_was_written_again_is_another")]
    public void A_changed_file_is_refused(string text, int seconds)
    {
        Write(text, DateTime.UnixEpoch.AddSeconds(seconds));
        Refused();
    }

    [Test]
    public void Another_table_of_the_name_is_refused() => Refused(tableId: 2);

    [TestCase("")]
    [TestCase("null")]
    [TestCase("{\"TableId\":1")]
    [TestCase("[]")]
    public void A_damaged_file_of_progress_is_refused(string text)
    {
        File.WriteAllText(Kept, text);
        Refused();
    }

    [Test]
    public void Rows_below_zero_are_refused()
    {
        (Begin() with { Rows = -1 }).Save(Kept);
        Refused();
    }

    private void Refused(uint tableId = 1)
    {
        var refused = Assert.Throws<CommandException>(() => Load(tableId));
        Assert.That((refused!.Code, refused.Message.Contains("--restart")), Is.EqualTo((ExitCode.Conflict, true)));
    }

    private ImportProgress Begin(uint tableId = 1)
    {
        using var file = File.OpenRead(Rows);
        return ImportProgress.Begin(file, tableId);
    }

    private ImportProgress? Load(uint tableId = 1) => ImportProgress.Load(Kept, Begin(tableId));

    private void Write(string text, DateTime changed)
    {
        File.WriteAllText(Rows, text);
        File.SetLastWriteTimeUtc(Rows, changed);
    }
}
