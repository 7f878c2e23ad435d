using System.Text;

namespace Delos.Tests.Fuzzing;

/// <summary>What disks, file systems and people do to files: flipped bits, lost and misplaced blocks, truncation, garbage, whole files gone or replaced.</summary>
internal static class ImageMutator
{
    private static readonly int[] s_blocks = [4, 72, 128, 512, 512, 4096, 4096, 16384, 65536];

    /// <summary>One to four changes; a description of them.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="image">Is changed.</param>
    /// <param name="mayDelete">Which files may be deleted whole.</param>
    public static string Mutate(FuzzRandom random, DiskImage image, Func<string, bool> mayDelete)
    {
        var done = new StringBuilder();
        for (var changes = random.OneIn(2) ? 1 : random.Between(2, 4); changes > 0 && image.Files.Count > 0; changes--)
        {
            var path = random.Pick([.. image.Files.Keys]);

            // Most bytes are in the logs themselves; markers and the like are visited all the same.
            if (!path.EndsWith(".seg", StringComparison.Ordinal) && random.OneIn(2)) path = random.Pick([.. image.Files.Keys]);
            done.Append(Change(random, image, path, mayDelete)).Append("; ");
        }

        return done.ToString();
    }

    private static string Change(FuzzRandom random, DiskImage image, string path, Func<string, bool> mayDelete)
    {
        var bytes = image.Files[path];
        if (bytes.Length == 0)
        {
            image.Files[path] = random.Bytes(random.Next(5000));
            return $"{path}: random bytes in an empty file";
        }

        // What was written lies in front; behind it there are zeros.
        var used = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        var at = random.OneIn(8) ? random.Next(bytes.Length) : random.Next(Math.Max(1, used));
        var block = random.Pick(s_blocks);
        var start = random.OneIn(4) ? at : at / block * block;
        var length = Math.Min(block * random.Between(1, random.OneIn(3) ? 8 : 1), bytes.Length - start);
        switch (random.Next(14))
        {
            case 0:
            case 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return $"{path}: bit flipped at {at}";
            case 2 or 3:
                bytes[at] = (byte)(bytes[at] + 1 + random.Next(255));
                return $"{path}: byte changed at {at}";
            case 4:
                random.Fill(bytes.AsSpan(start, length));
                return $"{path}: random bytes at {start}+{length}";
            case 5 or 6:
                bytes.AsSpan(start, length).Clear();
                return $"{path}: zeros at {start}+{length}";
            case 7:
                image.Files[path] = bytes[..at];
                return $"{path}: cut to {at} of {bytes.Length}";
            case 8:
                image.Files[path] = [.. bytes, .. random.Bytes(random.Next(70_000))];
                return $"{path}: garbage appended";
            case 9:
                return Copy(random, image, path, start, length);
            case 10:
                return SwapBlocks(random, bytes, path, block);
            case 11:
                return LoseSectors(random, bytes, path, used);
            case 12 when random.OneIn(2):
                random.Fill(bytes);
                return $"{path}: random from end to end";
            case 12:
                bytes.AsSpan().Clear();
                return $"{path}: zeros from end to end";
            default:
                if (!mayDelete(path)) goto case 1;
                image.Files.Remove(path);
                return $"{path}: deleted";
        }
    }

    /// <summary>A misdirected write: a block that belongs elsewhere, perhaps to another file.</summary>
    private static string Copy(FuzzRandom random, DiskImage image, string path, int start, int length)
    {
        var other = random.Pick([.. image.Files.Keys]);
        var (source, target) = (image.Files[other], image.Files[path]);
        if (source.Length == 0) return $"{path}: nothing to copy";
        length = Math.Min(length, source.Length);
        var from = random.Next(source.Length - length + 1);
        if (random.OneIn(2)) from = from / 512 * 512;
        length = Math.Min(length, source.Length - from);
        source.AsSpan(from, length).CopyTo(target.AsSpan(start));
        return $"{path}: {length} bytes of {other}+{from} at {start}";
    }

    private static string SwapBlocks(FuzzRandom random, byte[] bytes, string path, int block)
    {
        if (bytes.Length < 2 * block) return $"{path}: too short to swap";
        var (a, b) = (random.Next(bytes.Length / block) * block, random.Next(bytes.Length / block) * block);
        var one = bytes.AsSpan(a, block).ToArray();
        bytes.AsSpan(b, block).CopyTo(bytes.AsSpan(a));
        one.CopyTo(bytes.AsSpan(b));
        return $"{path}: blocks of {block} at {a} and {b} swapped";
    }

    /// <summary>A torn write: some of the last sectors did not land.</summary>
    private static string LoseSectors(FuzzRandom random, byte[] bytes, string path, int used)
    {
        var first = Math.Max(0, used - (512 * random.Between(1, 24))) / 512 * 512;
        for (var at = first; at < used; at += 512)
        {
            if (random.OneIn(2)) bytes.AsSpan(at, Math.Min(512, bytes.Length - at)).Clear();
        }

        return $"{path}: some sectors from {first} on lost";
    }
}
