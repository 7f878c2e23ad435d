using System.Buffers.Binary;

namespace Delos.Tests.Fuzzing;

/// <summary>Changes bytes the way fuzzers do. Works in place in a buffer with room behind the input; allocates nothing.</summary>
internal static class Mutator
{
    /// <summary>One to eight changes of one input; the new length. <paramref name="other"/> is a second input to splice with, or nothing.</summary>
    public static int Mutate(FuzzRandom random, Span<byte> buffer, int length, ReadOnlySpan<byte> other = default)
    {
        var changes = random.OneIn(2) ? 1 : random.Between(2, 8);
        while (changes-- > 0) length = Change(random, buffer, length, other);
        return length;
    }

    /// <summary>One change; the new length.</summary>
    public static int Change(FuzzRandom random, Span<byte> buffer, int length, ReadOnlySpan<byte> other)
    {
        if (length == 0) return Insert(random, buffer, length);
        switch (random.Next(16))
        {
            case 0 or 1:
                buffer[random.Next(length)] ^= (byte)(1 << random.Next(8));
                return length;
            case 2 or 3:
                buffer[random.Next(length)] = (byte)random.Next64();
                return length;
            case 4:
                buffer[random.Next(length)] = (byte)random.Interesting();
                return length;
            case 5 or 6:
                WriteNumber(random, buffer[..length], random.Interesting());
                return length;
            case 7:
                AddSmall(random, buffer[..length]);
                return length;
            case 8:
                // A length that comes near the truth.
                WriteNumber(random, buffer[..length], (ulong)(length + random.Between(-40, 40)));
                return length;
            case 9:
                return random.Next(length);
            case 10:
                return Remove(random, buffer, length);
            case 11:
                return Insert(random, buffer, length);
            case 12:
                return Duplicate(random, buffer, length);
            case 13:
                Swap(random, buffer[..length]);
                return length;
            case 14:
                FillRange(random, buffer[..length]);
                return length;
            default:
                return Splice(random, buffer, length, other);
        }
    }

    private static void WriteNumber(FuzzRandom random, Span<byte> bytes, ulong value)
    {
        var size = Math.Min(1 << random.Next(4), bytes.Length);
        var at = bytes[random.Next(bytes.Length - size + 1)..];
        Span<byte> number = stackalloc byte[8];
        if (random.OneIn(4)) BinaryPrimitives.WriteUInt64BigEndian(number, value << (64 - (8 * size)));
        else BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        number[..size].CopyTo(at);
    }

    private static void AddSmall(FuzzRandom random, Span<byte> bytes)
    {
        var delta = random.Between(-16, 16);
        if (bytes.Length >= 4 && random.OneIn(2))
        {
            var at = bytes[random.Next(bytes.Length - 3)..];
            BinaryPrimitives.WriteInt32LittleEndian(at, BinaryPrimitives.ReadInt32LittleEndian(at) + delta);
            return;
        }

        bytes[random.Next(bytes.Length)] += (byte)delta;
    }

    private static int Remove(FuzzRandom random, Span<byte> buffer, int length)
    {
        var at = random.Next(length);
        var count = random.Between(1, Math.Min(length - at, random.OneIn(2) ? 4 : length));
        buffer[(at + count)..length].CopyTo(buffer[at..]);
        return length - count;
    }

    private static int Insert(FuzzRandom random, Span<byte> buffer, int length)
    {
        var count = Math.Min(random.Between(1, random.OneIn(2) ? 4 : 64), buffer.Length - length);
        var at = random.Next(length + 1);
        buffer[at..length].CopyTo(buffer[(at + count)..]);
        if (random.OneIn(2)) buffer.Slice(at, count).Fill((byte)random.Interesting());
        else random.Fill(buffer.Slice(at, count));
        return length + count;
    }

    private static int Duplicate(FuzzRandom random, Span<byte> buffer, int length)
    {
        var from = random.Next(length);
        var count = Math.Min(random.Between(1, length - from), buffer.Length - length);
        var at = random.Next(length + 1);
        Span<byte> piece = stackalloc byte[Math.Min(count, 512)];
        buffer.Slice(from, piece.Length).CopyTo(piece);
        buffer[at..length].CopyTo(buffer[(at + piece.Length)..]);
        piece.CopyTo(buffer[at..]);
        return length + piece.Length;
    }

    private static void Swap(FuzzRandom random, Span<byte> bytes)
    {
        var count = Math.Min(random.Between(1, 32), bytes.Length / 2);
        var (a, b) = (random.Next(bytes.Length - count + 1), random.Next(bytes.Length - count + 1));
        for (var i = 0; i < count; i++) (bytes[a + i], bytes[b + i]) = (bytes[b + i], bytes[a + i]);
    }

    private static void FillRange(FuzzRandom random, Span<byte> bytes)
    {
        var at = random.Next(bytes.Length);
        var range = bytes.Slice(at, random.Between(1, bytes.Length - at));
        switch (random.Next(3))
        {
            case 0:
                range.Clear();
                break;
            case 1:
                range.Fill(0xFF);
                break;
            default:
                random.Fill(range);
                break;
        }
    }

    private static int Splice(FuzzRandom random, Span<byte> buffer, int length, ReadOnlySpan<byte> other)
    {
        if (other.IsEmpty) return length;
        var at = random.Next(length + 1);
        var from = random.Next(other.Length);
        var count = Math.Min(random.Between(1, other.Length - from), buffer.Length - at);
        other.Slice(from, count).CopyTo(buffer[at..]);
        return random.OneIn(2) ? at + count : Math.Max(length, at + count);
    }
}
