using System.Buffers;
using System.Buffers.Binary;
using Delos.Protocol.Framing;

namespace Delos.Tests.Fuzzing;

/// <summary>The frame decoder against ten million mutated frames, and the fuzzer against decoders with faults.</summary>
public sealed class FrameFuzzTests
{
    private const long Frames = 10_000_000;

    [Test]
    public void Ten_million_mutated_frames_get_the_verdict_that_the_protocol_gives()
    {
        var fuzz = new FrameFuzz(limit => new Real(limit));
        Fuzz.Run("frames", Frames, fuzz.Run);
        TestContext.Out.WriteLine($"{fuzz.Accepted} accepted, {fuzz.Refused} refused");
        Assert.That(fuzz.Accepted, Is.GreaterThan(0));
        Assert.That(fuzz.Refused, Is.GreaterThan(0));
    }

    [Test]
    public void A_parser_without_the_checksum_is_caught() => MustBeCaught(Fault.NoChecksum, "the parser says Frame, the oracle Bad");

    [Test]
    public void A_parser_without_the_limit_is_caught() => MustBeCaught(Fault.NoLimit, "the parser says");

    [Test]
    public void A_parser_that_takes_other_versions_is_caught() => MustBeCaught(Fault.AnyVersion, "the parser says");

    [Test]
    public void A_parser_that_checks_the_length_only_when_all_is_there_is_caught() => MustBeCaught(Fault.LateLimit, "the parser says NeedMore, the oracle Bad");

    [Test]
    public void A_parser_that_takes_a_byte_too_many_is_caught() => MustBeCaught(Fault.OneTooMany, "took");

    [Test]
    public void A_parser_that_reads_a_cut_header_wrong_is_caught() => MustBeCaught(Fault.FirstPieceOnly, "the parser says");

    private static void MustBeCaught(Fault fault, string by)
    {
        var fuzz = new FrameFuzz(limit => new Faulty(limit, fault), checkAllocation: false);
        Fuzz.MustFail(2000, by, round => fuzz.Run(round));
    }

    private enum Fault
    {
        NoChecksum,
        NoLimit,
        AnyVersion,
        LateLimit,
        OneTooMany,
        FirstPieceOnly,
    }

    private sealed class Real(int limit) : FrameFuzz.ITarget
    {
        private readonly FrameParser _parser = new(limit);

        public StatusCode Error => _parser.Error;

        public ParseResult TryParse(ref ReadOnlySequence<byte> buffer, out Frame frame) => _parser.TryParse(ref buffer, out frame);
    }

    /// <summary>The real parser behind something that undoes one of its rules.</summary>
    private sealed class Faulty(int limit, Fault fault) : FrameFuzz.ITarget
    {
        private readonly FrameParser _parser = new(fault == Fault.NoLimit ? int.MaxValue : limit, fault == Fault.AnyVersion ? (byte)0 : (byte)1, fault == Fault.AnyVersion ? (byte)3 : (byte)1);

        public StatusCode Error => _parser.Error;

        public ParseResult TryParse(ref ReadOnlySequence<byte> buffer, out Frame frame)
        {
            var before = buffer;
            if (buffer.Length < FrameHeader.Size) return _parser.TryParse(ref buffer, out frame);
            if (fault == Fault.LateLimit)
            {
                var wanted = BitConverter.ToUInt32(buffer.Slice(0, 4).ToArray());
                frame = default;
                if (wanted > buffer.Length) return ParseResult.NeedMore;
            }

            if (fault == Fault.FirstPieceOnly && buffer.FirstSpan.Length < FrameHeader.Size)
            {
                // As if what stands behind the first piece in memory belonged to it.
                var copy = buffer.ToArray();
                copy.AsSpan(buffer.FirstSpan.Length, FrameHeader.Size - buffer.FirstSpan.Length).Fill(0xEE);
                buffer = new ReadOnlySequence<byte>(copy);
            }

            if (fault == Fault.NoChecksum)
            {
                var copy = buffer.ToArray();
                var metadata = BinaryPrimitives.ReadUInt32LittleEndian(copy.AsSpan(16));
                if (metadata <= copy.Length - FrameHeader.Size) BinaryPrimitives.WriteUInt32LittleEndian(copy.AsSpan(20), FrameHeader.ComputeChecksum(copy, copy.AsSpan(FrameHeader.Size, (int)metadata)));
                buffer = new ReadOnlySequence<byte>(copy);
            }

            var result = _parser.TryParse(ref buffer, out frame);
            if (result != ParseResult.Frame) buffer = before;
            if (result == ParseResult.Frame && fault == Fault.OneTooMany && buffer.Length > 0) buffer = buffer.Slice(1);
            return result;
        }
    }
}
