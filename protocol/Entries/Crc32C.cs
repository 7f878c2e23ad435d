using System.Numerics;
using System.Runtime.InteropServices;

namespace Delos.Protocol.Entries;

/// <summary>CRC-32C (Castagnoli), initial value and final xor all ones, as in iSCSI; by the processor's instruction.</summary>
public static class Crc32C
{
    private const uint Start = 0xFFFFFFFF;

    public static uint Compute(ReadOnlySpan<byte> data) => ~Append(Start, data);

    /// <summary>The running form: begin with <see cref="Begin"/>, end with <see cref="Finish"/>.</summary>
    public static uint Begin() => Start;

    public static uint Finish(uint crc) => ~crc;

    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(data)) crc = BitOperations.Crc32C(crc, word);
        foreach (var b in data[(data.Length & ~7)..]) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}
