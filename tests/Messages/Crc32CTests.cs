using Delos.Protocol.Entries;

namespace Delos.Tests.Messages;

public sealed class Crc32CTests
{
    [Test]
    public void It_gives_the_published_check_value() =>
        Assert.That(Crc32C.Compute("123456789"u8), Is.EqualTo(0xE3069283u));

    [Test]
    public void It_equals_division_bit_by_bit_at_every_length()
    {
        var data = new byte[2 * 3 * 1024 + 3 * 128 + 15];
        new Random(7).NextBytes(data);
        for (var offset = 0; offset < 8; offset++)
        {
            var expected = Crc32C.Begin();
            for (var length = 0; offset + length < data.Length; length++)
            {
                if (Crc32C.Append(Crc32C.Begin(), data.AsSpan(offset, length)) != expected) Assert.Fail($"{length} bytes from {offset} on");
                expected = Divide(expected, data[offset + length]);
            }
        }
    }

    [Test]
    public void It_is_the_same_in_pieces()
    {
        var data = new byte[5000];
        var random = new Random(8);
        random.NextBytes(data);
        for (var round = 0; round < 500; round++)
        {
            var crc = Crc32C.Begin();
            for (int at = 0, length; at < data.Length; at += length)
            {
                length = Math.Min(random.Next(1, 3500), data.Length - at);
                crc = Crc32C.Append(crc, data.AsSpan(at, length));
            }

            Assert.That(Crc32C.Finish(crc), Is.EqualTo(Crc32C.Compute(data)));
        }
    }

    private static uint Divide(uint crc, byte next)
    {
        crc ^= next;
        for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78u);
        return crc;
    }
}
