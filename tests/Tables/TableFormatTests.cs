using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tests.Tables;

/// <summary>Bytes that lie in logs and stores: whoever changes them must think of those written before.</summary>
public sealed class TableFormatTests
{
    private static readonly TableOp s_put = TableOp.Put("t", Row.Of(("id", 1), ("n", "a")), default, Condition.Absent);

    [Test]
    public void A_transaction_is_these_bytes() => Assert.That(
        Convert.ToHexString(TableCommandCodec.Encode(new Transact(s_put with { Expiry = Expiry.After(TimeSpan.FromSeconds(5)) }))),
        Is.EqualTo("0106" + "0300" + "0100000074" + "020000006964" + "010000006E" + "01000000" + "01" + "0000" + "0000" + "0200" + "0100" + "010100000000000000" + "0200" + "030100000061" + "0100" + "02" + "02404B4C0000000000" + "00"));

    [Test]
    public void A_row_its_entries_and_the_answer_are_these_bytes()
    {
        using var bed = new TableBed();
        bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("n", ColumnType.String, true)], ["id"], [new("n", ["n"])], TableSettings.Default));
        var reply = bed.Do(s_put);
        Assert.That(Convert.ToHexString(reply.Encode()), Is.EqualTo(
            "01" + "0000" + "00000000" + "FFFFFFFF" + "FFFFFFFFFFFFFFFF00000000" + "01000000" + "0B00000000000000" + "00000000" + "FFFFFFFFFFFFFFFF00000000" + "00" + "0000000000000000" + "00"));
        using var snapshot = bed.Store.Snapshot();
        var row = snapshot.Get(StoreSpace.Data, Convert.FromHexString("00000001" + "118000000000000001"))!;
        Assert.That(Convert.ToHexString(row), Is.EqualTo("01" + "0B00000000000000" + "00000000" + "FFFFFFFFFFFFFF7F" + "0100" + "0200" + "030100000061"));
        Assert.That(snapshot.Get(StoreSpace.Index, Convert.FromHexString("00000002" + "13610001" + "118000000000000001")), Is.Empty);
        var change = snapshot.Get(StoreSpace.Meta, Convert.FromHexString("06" + "00000001" + "000000000000000B" + "00000000"))!;
        Assert.That(Convert.ToHexString(change), Is.EqualTo(
            "00000000" + "3E000000" + "01" + "01" + Convert.ToHexString(BitConverter.GetBytes(CellValue.MicrosOf(TableBed.Start))) + "09000000" + "118000000000000001" + "1F000000" + Convert.ToHexString(row) + "00000000"));
        Assert.That(snapshot.Get(StoreSpace.Meta, [1]), Is.EqualTo((byte[])[11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(CellValue.MicrosOf(TableBed.Start))]));
    }

    [Test]
    public void Numbers_of_states_and_kinds_stay_as_they_are()
    {
        Assert.That(Numbers<TableStatus>(), Is.EqualTo(
            "Ok=0 Malformed=1 UnsupportedCommand=2 InvalidArgument=3 UnknownTable=4 UnknownColumn=5 UnknownIndex=6 TypeMismatch=7 TooLarge=8 TableExists=20 ColumnExists=21 IndexExists=22 ColumnInUse=23 IndexNotReady=24 "
            + "NoSuchRow=40 RowExists=41 PreconditionFailed=42 UniqueViolation=43 QuotaExceeded=44 Conflict=60 SnapshotExpired=61"));
        Assert.That(Numbers<ColumnType>(), Is.EqualTo("Null=0 Int64=1 Double=2 String=3 Bytes=4 Bool=5 Timestamp=6"));
        Assert.That(Numbers<OpKind>(), Is.EqualTo("Put=1 Insert=2 Update=3 Delete=4 Check=5"));
        Assert.That(Numbers<PredicateOp>(), Is.EqualTo("Equal=1 NotEqual=2 Less=3 LessOrEqual=4 Greater=5 GreaterOrEqual=6 IsNull=7 IsNotNull=8 StartsWith=9"));
        Assert.That(Numbers<ConditionKind>(), Is.EqualTo("Exists=1 Absent=2 Version=3 Column=4"));
        Assert.That(Numbers<ExpiryKind>(), Is.EqualTo("Default=0 At=1 After=2 Never=3"));
        Assert.That(Numbers<IndexState>(), Is.EqualTo("Building=1 Ready=2 Failed=3"));
        Assert.That(Numbers<ChangeKind>(), Is.EqualTo("Put=1 Delete=2 Expire=3"));
    }

    private static string Numbers<T>()
        where T : struct, Enum => string.Join(' ', Enum.GetValues<T>().Select(v => $"{v}={v:D}"));
}
