using Delos.Daemon.Commands;
using Delos.Protocol.Tables;

namespace Delos.Tests.Commands;

/// <summary>What commands print as a version, they take as one.</summary>
public sealed class VersionTextTests
{
    private static readonly TableSchema s_schema = new(
        1, "t", 1, [new Column(1, "id", ColumnType.Int64, false, CellValue.Null)], [1], [], TableSettings.Default, 2, RowVersion.None);

    [TestCase(0, 0)]
    [TestCase(12, 3)]
    [TestCase(-1, 0)]
    public void A_version_is_read_as_it_is_printed(long position, int index)
    {
        var version = new RowVersion(position, index);
        Assert.That((VersionText.Parse(version.ToString()), VersionText.ParsePosition("--after", version.ToString())), Is.EqualTo((version, version)));
    }

    [Test]
    public void A_position_stands_for_all_commands_of_its_entry_and_start_for_what_is_before_all()
    {
        Assert.That(VersionText.ParsePosition("--after", "7"), Is.EqualTo(new RowVersion(7, int.MaxValue)));
        Assert.That(VersionText.ParsePosition("--after", "start"), Is.EqualTo(RowVersion.None));
    }

    [TestCase("")]
    [TestCase("7")]
    [TestCase("start")]
    [TestCase("-1.0")]
    [TestCase(".1")]
    [TestCase("1.2.3")]
    [TestCase("1.99999999999")]
    public void Other_texts_are_no_version(string text) => Assert.That(Assert.Throws<CommandException>(() => VersionText.Parse(text))!.Message, Does.Contain("12.0"));

    [TestCase("None")]
    [TestCase("7.")]
    [TestCase("soon")]
    public void Other_texts_are_no_position(string text) => Assert.That(Assert.Throws<CommandException>(() => VersionText.ParsePosition("--after", text))!.Message, Does.StartWith("--after"));

    [Test]
    public void A_condition_takes_what_txn_prints_of_a_row_that_was_not_there()
    {
        var op = OperationText.Parse(s_schema, OperationText.Words($"put t id=1 if version={RowVersion.None}"));
        Assert.That(op.Conditions, Is.EqualTo(new[] { Condition.Absent }));
        op = OperationText.Parse(s_schema, OperationText.Words("put t id=1 if version=12.1"));
        Assert.That(op.Conditions, Is.EqualTo(new[] { Condition.VersionIs(new RowVersion(12, 1)) }));
    }
}
