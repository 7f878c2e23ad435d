using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;

namespace Delos.Tests.Loglets;

[TestFixture]
public class EntryCursorTests
{
    [Test]
    public void Entries_are_found_wherever_the_pieces_are_cut([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        var bytes = Encode([.. Enumerable.Range(0, 10).Select(i => new byte[random.Next(0, 60)])]);
        var payload = Cut(bytes, random);
        Assert.That(EntryCursor.AreIntact(payload, 10), Is.True);
        Assert.That(EntryCursor.AreIntact(payload, 9), Is.False);
        Assert.That(EntryCursor.AreIntact(payload, 11), Is.False);
        payload.Release();

        bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        payload = Cut(bytes, random);
        Assert.That(EntryCursor.AreIntact(payload, 10), Is.False);
        payload.Release();
    }

    [Test]
    public void A_payload_that_ends_inside_an_entry_is_malformed([Values(1, 31, 33, 40)] int length)
    {
        var payload = RetainedPayload.Copy(Encode([new byte[20]]).AsSpan(0, length));
        using (var cursor = new EntryCursor(payload))
        {
            while (cursor.MoveNext()) Assert.Fail("there is no entry");
            Assert.That(cursor.IsMalformed, Is.True);
        }

        payload.Release();
    }

    [Test]
    public void Nothing_has_no_entries()
    {
        Assert.That(EntryCursor.AreIntact(null, 0), Is.True);
        Assert.That(EntryCursor.AreIntact(null, 1), Is.False);
    }

    private static byte[] Encode(byte[][] payloads)
    {
        var bytes = new byte[payloads.Sum(p => EntryCodec.EncodedSize(p.Length))];
        var offset = 0;
        for (var i = 0; i < payloads.Length; i++) offset += EntryCodec.Encode(bytes.AsSpan(offset), new AppendId(1, (ulong)i + 1), EntryKind.Data, payloads[i]);
        return bytes;
    }

    private static RetainedPayload Cut(byte[] bytes, Random random)
    {
        var payload = RetainedPayload.Create();
        for (var offset = 0; offset < bytes.Length;)
        {
            var length = Math.Min(bytes.Length - offset, random.Next(1, 50));
            payload.Append(bytes.AsMemory(offset, length));
            offset += length;
        }

        return payload;
    }
}
