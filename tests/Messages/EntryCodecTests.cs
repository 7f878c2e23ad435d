using Delos.Protocol.Entries;

namespace Delos.Tests.Messages;

public sealed class EntryCodecTests
{
    private static readonly byte[] s_payload = "abc"u8.ToArray();

    [Test]
    public void An_entry_has_these_bytes()
    {
        var bytes = new byte[EntryCodec.EncodedSize(s_payload.Length)];
        var size = EntryCodec.Encode(bytes, new AppendId(0x1122334455667788, 9), EntryKind.Deleted, s_payload);
        Assert.Multiple(() =>
        {
            Assert.That(size, Is.EqualTo(35));
            // The checksum was computed by another implementation of CRC-32C.
            Assert.That(Convert.ToHexStringLower(bytes), Is.EqualTo("7e794be4" + "03000000" + "8877665544332211" + "0900000000000000" + "0200000000000000" + "616263"));
            Assert.That(EntryCodec.IsIntact(bytes), Is.True);
        });
    }

    [Test]
    public void A_flip_of_any_bit_is_noticed()
    {
        var bytes = new byte[EntryCodec.EncodedSize(s_payload.Length)];
        EntryCodec.Encode(bytes, new AppendId(1, 2), EntryKind.Data, s_payload);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(EntryCodec.IsIntact(bytes), Is.False, $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [TestCase(-1)]
    [TestCase(EntryCodec.MaxPayload + 1)]
    public void A_length_that_no_entry_has_is_refused(int length)
    {
        var bytes = new byte[EntryCodec.HeaderSize];
        BitConverter.TryWriteBytes(bytes.AsSpan(4), length);
        Assert.That(EntryCodec.TryReadHeader(bytes, out _), Is.False);
    }
}
