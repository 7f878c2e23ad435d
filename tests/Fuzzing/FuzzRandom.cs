namespace Delos.Tests.Fuzzing;

/// <summary>Fast pseudo-random numbers that are the same on every machine and runtime (SplitMix64), so that a seed names an input for ever.</summary>
internal sealed class FuzzRandom(long seed)
{
    private static readonly ulong[] s_interesting =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 25, 31, 32, 33, 63, 64, 65, 71, 72, 73, 127, 128, 255, 256, 257, 511, 512, 1023, 1024, 4095, 4096, 4097, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x10001,
        (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 16 << 20, (16 << 20) + 1, 0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF, 0x1_0000_0000, 1UL << 40, 1UL << 62,
        0x7FFFFFFFFFFFFFFE, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF,
    ];

    private ulong _state = Mix((ulong)seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03);

    public ulong Next64()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    /// <summary>0 to <paramref name="bound"/> - 1; 0 if the bound is not positive.</summary>
    public int Next(int bound) => bound <= 1 ? 0 : (int)(((Next64() >> 32) * (uint)bound) >> 32);

    public int Between(int first, int last) => first + Next(last - first + 1);

    public long NextLong(long bound) => bound <= 1 ? 0 : (long)(Next64() % (ulong)bound);

    /// <summary>True once in so many calls.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    /// <summary>A number at which code goes wrong: a limit, or one beside it.</summary>
    public ulong Interesting() => s_interesting[Next(s_interesting.Length)];

    /// <summary>Often small, often a limit, sometimes anything.</summary>
    public ulong Number() => Next(4) switch
    {
        0 => (ulong)Next(300),
        1 => Interesting(),
        2 => Next64() >> Next(64),
        _ => Next64(),
    };

    public void Fill(Span<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..]) BitConverter.TryWriteBytes(bytes, Next64());
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)Next64();
    }

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        Fill(bytes);
        return bytes;
    }

    public Guid Guid() => new(Bytes(16));

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
