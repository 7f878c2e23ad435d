using System.Buffers;
using Delos.Protocol.Framing;

namespace Delos.Tests.Fuzzing;

/// <summary>Feeds streams of frames to a parser as they could arrive, and compares each verdict with <see cref="FrameOracle"/>. Reused round after round: nothing is allocated per frame.</summary>
internal sealed class FrameFuzz(Func<int, FrameFuzz.ITarget> create, bool checkAllocation = true)
{
    private const int MaxScratch = 4096;

    private static readonly int[] s_limits = [1024, 1500, 4096, 70_000, (8 << 20) + (64 << 10)];
    private static readonly MessageCodecs?[] s_codecs = [.. Enumerable.Range(0, 256).Select(t => MessageCodecs.All.FirstOrDefault(c => (int)c.Type == t))];

    private readonly FrameStream _stream = new();
    private readonly byte[] _room = new byte[64 << 10];

    /// <summary>What cuts frames off a buffer: the real parser, or one with a fault.</summary>
    public interface ITarget
    {
        StatusCode Error { get; }

        ParseResult TryParse(ref ReadOnlySequence<byte> buffer, out Frame frame);
    }

    public long Accepted { get; private set; }

    public long Refused { get; private set; }

    /// <summary>One round; the frames judged.</summary>
    public long Run(FuzzRound round)
    {
        var random = round.Random;
        _stream.Make(random);
        var limit = random.Pick(s_limits);
        var target = create(limit);
        long frames = 0;
        int at = 0, arrived = 0;
        while (at < _stream.Length)
        {
            arrived = random.OneIn(3) ? _stream.Length : Math.Min(_stream.Length, Math.Max(at, arrived) + random.Between(1, random.OneIn(2) ? 60 : 2000));
            var buffer = _stream.Cut(random, at, arrived);
            while (true)
            {
                var result = Parse(target, ref buffer, at, arrived, limit, out var length);
                if (result == ParseResult.Frame)
                {
                    frames++;
                    at += length;
                    continue;
                }

                if (result == ParseResult.Bad || arrived == _stream.Length)
                {
                    // The rest is the next connection's. One that ended inside a frame has left its parser there.
                    frames++;
                    if (result == ParseResult.NeedMore) target = create(limit);
                    at = arrived = _stream.NextStart(at);
                }

                break;
            }
        }

        return frames;
    }

    private ParseResult Parse(ITarget target, ref ReadOnlySequence<byte> buffer, int at, int arrived, int limit, out int length)
    {
        var bytes = _stream.Bytes[at..arrived];
        var (expected, error, expectedLength) = FrameOracle.Judge(bytes, limit);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ParseResult result;
        scoped Frame frame;
        try
        {
            result = target.TryParse(ref buffer, out frame);
        }
        catch (Exception e)
        {
            throw new FuzzFailure($"the parser threw {e.GetType().Name}: {e.Message}\n{e.StackTrace}", bytes);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (result != expected) throw new FuzzFailure($"the parser says {result}, the oracle {expected} (limit {limit}, {bytes.Length} bytes there)", bytes);
        length = (int)expectedLength;
        switch (result)
        {
            case ParseResult.Bad:
                if (target.Error != error) throw new FuzzFailure($"the parser says {target.Error}, the oracle {error} (limit {limit})", bytes);
                Refused++;
                return result;
            case ParseResult.Frame:
                CheckFrame(frame, bytes[..length]);
                if (buffer.Length != bytes.Length - length) throw new FuzzFailure($"a frame of {length} bytes took {bytes.Length - buffer.Length}", bytes);
                Accepted++;
                break;
            default:
                if (buffer.Length != bytes.Length) throw new FuzzFailure("an incomplete frame was taken off", bytes);
                if (bytes.Length >= limit) throw new FuzzFailure($"{bytes.Length} bytes are there, the limit is {limit}, and the parser wants more", bytes);
                break;
        }

        // At most the scratch for metadata that lie in several pieces, once.
        if (checkAllocation && allocated > Math.Max(MaxScratch, bytes.Length) + 64) throw new FuzzFailure($"{allocated} bytes were allocated", bytes);
        return result;
    }

    private void CheckFrame(in Frame frame, ReadOnlySpan<byte> bytes)
    {
        var header = frame.Header;
        var metadata = bytes.Slice(FrameHeader.Size, BitConverter.ToInt32(bytes[16..]));
        if (header.Length != bytes.Length || (byte)header.Type != bytes[5] || (ushort)header.Flags != BitConverter.ToUInt16(bytes[6..]) || header.CorrelationId != BitConverter.ToUInt64(bytes[8..]))
            throw new FuzzFailure($"the header was read as {header}", bytes);
        if (!frame.Metadata.SequenceEqual(metadata)) throw new FuzzFailure("the metadata are not those received", bytes);
        var rest = bytes[(FrameHeader.Size + metadata.Length)..];
        if (frame.Payload.Length != rest.Length) throw new FuzzFailure("the payload is not as long as the header says", bytes);
        foreach (var piece in frame.Payload)
        {
            if (!piece.Span.SequenceEqual(rest[..piece.Length])) throw new FuzzFailure("the payload is not what was received", bytes);
            rest = rest[piece.Length..];
        }

        if (s_codecs[(byte)header.Type] is not { } codec) throw new FuzzFailure("a frame without a message was accepted", bytes);
        if (codec.TryDecode(frame.Metadata, _room, out _) == DecodeVerdict.NotCanonical) throw new FuzzFailure($"{codec.Name} read bytes that it would not write", bytes);
    }
}
