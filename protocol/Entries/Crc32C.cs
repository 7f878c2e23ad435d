using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Delos.Protocol.Entries;

/// <summary>
/// CRC-32C (Castagnoli), initial value and final xor all ones, as in iSCSI; by the processor's instruction. That takes eight bytes at a time and three cycles until the next eight can follow, so longer
/// data is summed in three lanes side by side, which <see cref="Crc32CShift"/> joins.
/// </summary>
public static class Crc32C
{
    private const uint Start = 0xFFFFFFFF;
    private const int Lanes = 3;
    private static readonly Crc32CShift s_wide = new(1024);
    private static readonly Crc32CShift s_narrow = new(128);

    public static uint Compute(ReadOnlySpan<byte> data) => ~Append(Start, data);

    /// <summary>The running form: begin with <see cref="Begin"/>, end with <see cref="Finish"/>.</summary>
    public static uint Begin() => Start;

    public static uint Finish(uint crc) => ~crc;

    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        if (Crc32CShift.IsSupported && data.Length >= Lanes * s_narrow.Bytes)
        {
            crc = AppendLanes(crc, ref data, s_wide);
            crc = AppendLanes(crc, ref data, s_narrow);
        }

        foreach (var word in MemoryMarshal.Cast<byte, ulong>(data)) crc = BitOperations.Crc32C(crc, word);
        foreach (var b in data[(data.Length & ~7)..]) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }

    /// <summary>As much of the data as makes whole rounds of three lanes; the rest is left in <paramref name="data"/>.</summary>
    private static uint AppendLanes(uint crc, ref ReadOnlySpan<byte> data, Crc32CShift lane)
    {
        var words = lane.Bytes / sizeof(ulong);
        for (; data.Length >= Lanes * lane.Bytes; data = data[(Lanes * lane.Bytes)..])
        {
            var (second, third) = (0u, 0u);
            ref var word = ref Unsafe.As<byte, ulong>(ref MemoryMarshal.GetReference(data));
            for (var i = 0; i < words; i++, word = ref Unsafe.Add(ref word, 1))
            {
                crc = BitOperations.Crc32C(crc, word);
                second = BitOperations.Crc32C(second, Unsafe.Add(ref word, words));
                third = BitOperations.Crc32C(third, Unsafe.Add(ref word, 2 * words));
            }

            crc = lane.Twice(crc) ^ lane.Once(second) ^ third;
        }

        return crc;
    }
}
