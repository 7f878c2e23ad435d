using Delos.Daemon.Storage;
using Delos.Protocol.Identity;

namespace Delos.Tests.Storage;

public class RecordHeaderTests
{
    private static readonly RecordHeader s_header = new()
    {
        Kind = RecordKind.RepairEntries,
        Nonce = 0x1122334455667788,
        Loglet = new LogletId(0xA0A1A2A3A4A5A6A7, 0xB0B1B2B3B4B5B6B7),
        First = 0x0102030405060708,
        Count = 0x11121314,
        PayloadLength = 0x21222324,
        PayloadCrc = 0x31323334,
        PreviousDistance = 0x41424344,
        Address = 0x5152535455565758,
        DurableAddress = 0x6162636465666768,
    };

    [Test]
    public void The_bytes_of_a_record_header_never_change()
    {
        var bytes = new byte[RecordHeader.Size];
        s_header.Write(bytes);
        Assert.That(Convert.ToHexString(bytes), Is.EqualTo(
            "25F5E60C020000008877665544332211B7B6B5B4B3B2B1B0A7A6A5A4A3A2A1A00807060504030201" +
            "1413121124232221343332314443424158575655545352516867666564636261"));
    }

    [Test]
    public void A_header_reads_back_as_it_was_written()
    {
        var bytes = new byte[RecordHeader.Size];
        s_header.Write(bytes);
        Assert.That(RecordHeader.TryRead(bytes, s_header.Nonce, s_header.Address, out var read), Is.True);
        Assert.That(read, Is.EqualTo(s_header));
    }

    [Test]
    public void A_header_with_any_bit_changed_or_of_another_place_or_generation_is_refused()
    {
        var bytes = new byte[RecordHeader.Size];
        s_header.Write(bytes);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(RecordHeader.TryRead(bytes, s_header.Nonce, s_header.Address, out _), Is.False, $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.That(RecordHeader.TryRead(bytes, s_header.Nonce + 1, s_header.Address, out _), Is.False);
        Assert.That(RecordHeader.TryRead(bytes, s_header.Nonce, s_header.Address + 4, out _), Is.False);
    }

    [Test]
    public void Values_of_the_persisted_record_kinds_never_change()
    {
        var values = Enum.GetValues<RecordKind>().Select(k => $"{k}={(int)k}");
        Assert.That(string.Join(' ', values), Is.EqualTo("None=0 Entries=1 RepairEntries=2 Seal=3 Trim=4 Config=5 Checkpoint=6 Tombstone=7 JournalRecord=64"));
    }

    [Test]
    public void A_generation_name_reads_back_as_it_was_written()
    {
        var name = GenerationName.New(0x1F, new StorageOptions(), isBase: true);
        Assert.That(GenerationName.TryParse(name.ToString(), out var read), Is.True);
        Assert.That(read, Is.EqualTo(name));
        Assert.That(new GenerationName(3, 26, 21, 0x0123456789ABCDEF).ToString(), Is.EqualTo("g00000003-26-21-0123456789abcdef"));
        Assert.That(GenerationName.TryParse("g00000003-26-21-0123456789abcdef.tmp", out _), Is.False);
    }
}
