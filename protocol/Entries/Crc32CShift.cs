using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Delos.Protocol.Entries;

/// <summary>
/// What a running CRC-32C becomes when so many zero bytes follow: that of data in front of as many bytes whose own one began with zero. A CRC is a polynomial of bits modulo P, and n bytes are a factor x^(8n):
/// one carry-less multiplication with a constant, reduced by the CRC instruction itself.
/// </summary>
internal sealed class Crc32CShift
{
    /// <summary>P without x^32, its bits reversed, as the bits of a CRC are.</summary>
    private const uint Polynomial = 0x82F63B78;

    private readonly uint _once;
    private readonly uint _twice;

    /// <param name="bytes">At least 8.</param>
    public Crc32CShift(int bytes)
    {
        Bytes = bytes;
        _once = FactorFor(bytes);
        _twice = FactorFor(2 * bytes);
    }

    /// <summary>The processor multiplies without carries, and has the CRC instruction.</summary>
    public static bool IsSupported => Pclmulqdq.IsSupported && Sse42.X64.IsSupported;

    public int Bytes { get; }

    /// <summary>After <see cref="Bytes"/> more.</summary>
    public uint Once(uint crc) => Multiply(crc, _once);

    /// <summary>After twice as many.</summary>
    public uint Twice(uint crc) => Multiply(crc, _twice);

    /// <summary>The product of two reversed 32-bit polynomials lies one bit too low in 64 bits, and the instruction multiplies by x^32: the constant is x^(8n-33).</summary>
    private static uint Multiply(uint crc, uint factor) =>
        BitOperations.Crc32C(0, Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar((ulong)crc), Vector128.CreateScalar((ulong)factor), 0).ToScalar());

    private static uint FactorFor(int bytes)
    {
        var power = 1u << 31;
        for (var i = 0; i < 8 * bytes - 33; i++) power = (power >> 1) ^ ((power & 1) == 0 ? 0 : Polynomial);
        return power;
    }
}
