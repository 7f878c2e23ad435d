using System.Buffers;
using System.Buffers.Binary;
using Delos.Protocol.Framing;

namespace Delos.Tests.Fuzzing;

/// <summary>A stream of whole, mutated and forged frames, made anew in the same buffers each round, and handed out in pieces that do not touch each other.</summary>
internal sealed class FrameStream
{
    private const int Frames = 64;
    private const int Capacity = 256 << 10;
    private const int Gap = 8;
    private const int MaxPieces = 12;

    private static readonly byte[][] s_corpus = Corpus();

    private readonly byte[] _bytes = new byte[Capacity];
    private readonly byte[] _room = new byte[Capacity + (Gap * (MaxPieces + 1))];
    private readonly byte[] _one = new byte[Capacity];
    private readonly int[] _starts = new int[Frames + 1];
    private readonly Piece[] _pieces = [.. Enumerable.Range(0, MaxPieces).Select(_ => new Piece())];
    private int _count;

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Fills the buffers with the frames of one round.</summary>
    public void Make(FuzzRandom random)
    {
        Length = 0;
        for (_count = 0; _count < Frames; _count++)
        {
            var frame = s_corpus[random.Next(s_corpus.Length)];
            frame.CopyTo(_one, 0);
            var length = frame.Length;
            switch (random.Next(8))
            {
                case 0 or 1:
                    break;
                case 2 or 3 or 4:
                    length = Mutator.Mutate(random, _one, length, s_corpus[random.Next(s_corpus.Length)]);
                    break;
                case 5:
                    // Deep: metadata that were never written, under a checksum that holds.
                    length = FrameHeader.Size + Mutator.Mutate(random, _one.AsSpan(FrameHeader.Size), length - FrameHeader.Size);
                    BinaryPrimitives.WriteInt32LittleEndian(_one, length);
                    BinaryPrimitives.WriteInt32LittleEndian(_one.AsSpan(16), random.OneIn(2) ? length - FrameHeader.Size : random.Next(length - FrameHeader.Size + 1));
                    Seal(_one.AsSpan(0, length));
                    break;
                case 6:
                    // One field of the header, under a checksum that holds.
                    EditHeader(random, _one.AsSpan(0, length));
                    Seal(_one.AsSpan(0, length));
                    break;
                default:
                    Mutator.Mutate(random, _one.AsSpan(0, FrameHeader.Size), FrameHeader.Size);
                    Seal(_one.AsSpan(0, length));
                    break;
            }

            if (Length + length > Capacity) break;
            _one.AsSpan(0, length).CopyTo(_bytes.AsSpan(Length));
            _starts[_count] = Length;
            Length += length;
        }
    }

    /// <summary>The start of the next frame behind <paramref name="at"/>: where another connection's bytes begin.</summary>
    public int NextStart(int at)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_starts[i] > at) return _starts[i];
        }

        return Length;
    }

    /// <summary>The bytes from <paramref name="start"/> to <paramref name="end"/>, in up to a dozen pieces with other bytes between them.</summary>
    public ReadOnlySequence<byte> Cut(FuzzRandom random, int start, int end)
    {
        if (start == end) return ReadOnlySequence<byte>.Empty;
        var pieces = Math.Min(random.Next(4) switch { 0 => 1, 1 => 2, 2 => random.Between(1, 4), _ => random.Between(1, MaxPieces) }, end - start);
        var room = 0;
        long index = 0;
        for (var i = 0; i < pieces; i++)
        {
            // Cuts near the front matter most: inside the header, inside the metadata.
            var left = end - start - (pieces - 1 - i);
            var length = i == pieces - 1 ? end - start : Math.Min(left, random.OneIn(3) ? random.Between(1, left) : random.Between(1, 40));
            _room.AsSpan(room, Gap).Fill(0xEE);
            room += Gap;
            _bytes.AsSpan(start, length).CopyTo(_room.AsSpan(room));
            _pieces[i].Set(_room.AsMemory(room, length), index, i < pieces - 1 ? _pieces[i + 1] : null);
            room += length;
            index += length;
            start += length;
        }

        return new ReadOnlySequence<byte>(_pieces[0], 0, _pieces[pieces - 1], _pieces[pieces - 1].Memory.Length);
    }

    private static void EditHeader(FuzzRandom random, Span<byte> frame)
    {
        switch (random.Next(6))
        {
            case 0:
                BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)random.Interesting());
                break;
            case 1:
                BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length + random.Between(-frame.Length, 64));
                break;
            case 2:
                BinaryPrimitives.WriteUInt32LittleEndian(frame[16..], random.OneIn(2) ? (uint)random.Interesting() : (uint)(frame.Length + random.Between(-64, 8)));
                break;
            case 3:
                frame[4] = (byte)random.Next(4);
                break;
            case 4:
                frame[5] = (byte)random.Next64();
                break;
            default:
                BinaryPrimitives.WriteUInt16LittleEndian(frame[6..], (ushort)random.Next64());
                break;
        }
    }

    /// <summary>Writes the right checksum for whatever length of metadata the header states.</summary>
    private static void Seal(Span<byte> frame)
    {
        if (frame.Length < FrameHeader.Size) return;
        var metadata = (int)Math.Min((uint)(frame.Length - FrameHeader.Size), BinaryPrimitives.ReadUInt32LittleEndian(frame[16..]));
        BinaryPrimitives.WriteUInt32LittleEndian(frame[20..], FrameHeader.ComputeChecksum(frame, frame.Slice(FrameHeader.Size, metadata)));
    }

    private static byte[][] Corpus()
    {
        var random = new FuzzRandom(20);
        var frames = new List<byte[]>();
        foreach (var codec in MessageCodecs.All)
        {
            for (var i = 0; i < 6; i++)
            {
                var payload = random.Bytes(random.Next(4) switch { 0 => random.Next(400), 1 => random.Next(40), _ => 0 });
                var frame = codec.Frame(codec.Make(random), payload, random.Number(), (FrameFlags)random.Next(2));
                if (frame.Length <= 4096) frames.Add(frame);
            }
        }

        return [.. frames];
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public void Set(ReadOnlyMemory<byte> memory, long index, Piece? next)
        {
            Memory = memory;
            RunningIndex = index;
            Next = next;
        }
    }
}
