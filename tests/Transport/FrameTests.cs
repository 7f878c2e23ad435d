using System.Buffers;
using System.Buffers.Binary;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Transport;

/// <summary>Header, parser and writer, without sockets.</summary>
public sealed class FrameTests
{
    [Test]
    public void A_frame_has_these_bytes()
    {
        var bytes = Loopback.Bytes(new TestMessage(0x1122334455667788, 2), "xyz"u8, correlationId: 0x0102030405060708, flags: FrameFlags.Reply);
        Assert.That(Convert.ToHexStringLower(bytes), Is.EqualTo(
            "2b000000" + "01" + "0a" + "0100" + "0807060504030201" + "10000000" + "b9f5bcab" +
            "8877665544332211" + "0200000000000000" + "78797a"));
    }

    [Test]
    public void The_handshake_messages_have_these_bytes()
    {
        var cluster = new Guid("00112233-4455-6677-8899-aabbccddeeff");
        var disk = new Guid("0f0e0d0c-0b0a-0908-0706-050403020100");
        var limits = new PeerLimits(0x01020304, 0x05060708, 0x090a0b0c);
        const string Common = "33221100554477668899aabbccddeeff" + "07000000" + "05000000" + "8877665544332211" + "0c0d0e0f0a0b08090706050403020100" + "04030201" + "08070605" + "0c0b0a0900000000";
        Assert.Multiple(() =>
        {
            Assert.That(Metadata(new Hello(1, 3, cluster, 7, NodeRoles.Sequencer | NodeRoles.MetaStore, 0x1122334455667788, disk, limits)), Is.EqualTo("0103" + Common));
            Assert.That(Metadata(new HelloReply(2, cluster, 7, NodeRoles.Sequencer | NodeRoles.MetaStore, 0x1122334455667788, disk, limits)), Is.EqualTo("02" + Common));
            Assert.That(Metadata(new Error(StatusCode.Malformed, "né")), Is.EqualTo("2400" + "03000000" + "6ec3a9"));
            Assert.That(Metadata(default(Ping)), Is.Empty);
            Assert.That(Metadata(default(Pong)), Is.Empty);
        });
    }

    [Test]
    public void A_handshake_message_reads_back_as_written()
    {
        var hello = new Hello(1, 3, Guid.NewGuid(), 7, NodeRoles.LogServer, 9, Guid.NewGuid(), new PeerLimits(1, 2, 3));
        Assert.That(Parse(Loopback.Bytes(hello), out var error), Is.EqualTo(1), error);
        var parser = new FrameParser(1 << 20);
        var buffer = new ReadOnlySequence<byte>(Loopback.Bytes(hello));
        parser.TryParse(ref buffer, out var frame);
        Assert.That(frame.TryRead<Hello>(out var read) ? read : default, Is.EqualTo(hello));
        Assert.That(frame.TryRead<Error>(out _), Is.False);
    }

    [Test]
    public void Frames_cut_at_any_byte_are_put_together_again()
    {
        var message = new LargeMessage(Enumerable.Range(0, 300).Select(i => (byte)i).ToArray());
        byte[] stream = [.. Loopback.Bytes(message, "first"u8), .. Loopback.Bytes(new TestMessage(1, 2)), .. Loopback.Bytes(default(Ping)), .. Loopback.Bytes(message, "last"u8)];
        for (var size = 1; size < stream.Length; size += size < 60 ? 1 : 37)
        {
            var parser = new FrameParser(1024);
            var types = new List<FrameType>();
            var payloads = new List<string>();
            var start = 0;
            for (var end = size; start < stream.Length; end = Math.Min(end + size, stream.Length))
            {
                var buffer = Segments(stream.AsMemory(start, end - start), size);
                while (parser.TryParse(ref buffer, out var frame) is var result && result != ParseResult.NeedMore)
                {
                    Assert.That(result, Is.EqualTo(ParseResult.Frame), parser.ErrorText);
                    if (frame.TryRead<LargeMessage>(out var read)) Assert.That(read.Bytes.ToArray(), Is.EqualTo(message.Bytes.ToArray()));
                    types.Add(frame.Type);
                    payloads.Add(System.Text.Encoding.UTF8.GetString(frame.Payload.ToArray()));
                }

                start = end - (int)buffer.Length;
                if (end == stream.Length) break;
            }

            Assert.That(types, Is.EqualTo(new[] { FrameType.MetaAccept, FrameType.Append, FrameType.Ping, FrameType.MetaAccept }), $"pieces of {size}");
            Assert.That(payloads, Is.EqualTo(new[] { "first", "", "", "last" }), $"pieces of {size}");
        }
    }

    [Test]
    public void A_length_over_the_limit_is_refused_by_the_header_alone()
    {
        var bytes = Loopback.Bytes(new TestMessage(1, 2));
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 2000);
        AssertBad(bytes.AsSpan(0, FrameHeader.Size), StatusCode.LimitExceeded, "2000");
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 0xFFFFFFFF);
        AssertBad(bytes.AsSpan(0, FrameHeader.Size), StatusCode.LimitExceeded, "4294967295");
    }

    [Test]
    public void A_frame_of_exactly_the_limit_is_accepted()
    {
        var bytes = Loopback.Bytes(new TestMessage(1, 2), new byte[1024 - FrameHeader.Size - 16]);
        Assert.That(Parse(bytes, out var error), Is.EqualTo(1), error);
    }

    [TestCase(0, TestName = "A_length_of_zero_is_refused")]
    [TestCase(23, TestName = "A_length_below_the_header_is_refused")]
    [TestCase(39, TestName = "A_length_below_header_and_metadata_is_refused")]
    public void A_short_length_is_refused(int length)
    {
        var bytes = Loopback.Bytes(new TestMessage(1, 2));
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        AssertBad(bytes, StatusCode.Malformed, "cannot hold");
    }

    [Test]
    public void A_negative_metadata_length_is_refused()
    {
        var bytes = Loopback.Bytes(new TestMessage(1, 2));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), -1);
        AssertBad(bytes, StatusCode.Malformed, "cannot hold");
    }

    [TestCase(0)]
    [TestCase(2)]
    [TestCase(255)]
    public void An_unknown_version_is_refused(byte version) => AssertBad(Loopback.Bytes(new TestMessage(1, 2), version: version), StatusCode.UnsupportedVersion, $"version {version}");

    [Test]
    public void Any_flipped_bit_of_header_or_metadata_is_noticed()
    {
        var good = Loopback.Bytes(new TestMessage(1, 2), "payload"u8, correlationId: 5);
        for (var bit = 0; bit < (FrameHeader.Size + 16) * 8; bit++)
        {
            var bytes = (byte[])good.Clone();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(Parse(bytes, out _), Is.Not.EqualTo(1), $"bit {bit}");
        }
    }

    [TestCase((byte)0)]
    [TestCase((byte)6)]
    [TestCase((byte)200)]
    public void An_unknown_type_is_refused(byte type)
    {
        var bytes = Loopback.Bytes(new TestMessage(1, 2));
        bytes[5] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), FrameHeader.ComputeChecksum(bytes, bytes.AsSpan(FrameHeader.Size, 16)));
        AssertBad(bytes, StatusCode.Malformed, $"type {type} is unknown");
    }

    [Test]
    public void Random_bytes_never_throw_and_never_make_a_frame()
    {
        var random = new Random(1);
        var bytes = new byte[200];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            if (i % 2 == 0)
            {
                // Plausible lengths reach the later checks.
                BinaryPrimitives.WriteInt32LittleEndian(bytes, random.Next(24, 200));
                bytes[4] = 1;
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), random.Next(0, 180));
            }

            Assert.That(Parse(bytes, out _), Is.Not.EqualTo(1));
        }
    }

    private static string Metadata<T>(T message)
        where T : struct, IMessage<T> => Convert.ToHexStringLower(Loopback.Bytes(message).AsSpan(FrameHeader.Size));

    private static void AssertBad(ReadOnlySpan<byte> bytes, StatusCode code, string text)
    {
        var parser = new FrameParser(1024);
        var buffer = new ReadOnlySequence<byte>(bytes.ToArray());
        var result = parser.TryParse(ref buffer, out _);
        Assert.Multiple(() =>
        {
            Assert.That(result, Is.EqualTo(ParseResult.Bad));
            Assert.That(parser.Error, Is.EqualTo(code));
            Assert.That(parser.ErrorText, Does.Contain(text));
        });
    }

    /// <summary>1 frame, 0 need more, −1 bad.</summary>
    private static int Parse(byte[] bytes, out string error)
    {
        var parser = new FrameParser(1024);
        var buffer = new ReadOnlySequence<byte>(bytes);
        var result = parser.TryParse(ref buffer, out _);
        error = parser.ErrorText;
        return result switch { ParseResult.Frame => 1, ParseResult.NeedMore => 0, _ => -1 };
    }

    private static ReadOnlySequence<byte> Segments(ReadOnlyMemory<byte> memory, int size)
    {
        if (memory.Length <= size) return new ReadOnlySequence<byte>(memory);
        var first = new Node(memory[..size], 0);
        var last = first;
        for (var at = size; at < memory.Length; at += size) last = last.Add(memory.Slice(at, Math.Min(size, memory.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Node : ReadOnlySequenceSegment<byte>
    {
        public Node(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public Node Add(ReadOnlyMemory<byte> memory)
        {
            var next = new Node(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
