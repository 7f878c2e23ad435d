namespace Delos.Tests.Fuzzing;

/// <summary>A codec of bytes: what it writes it reads back, and of mutants it reads only those that it would write itself; it throws nothing and allocates in proportion to the input.</summary>
/// <param name="make">A random valid value, encoded.</param>
/// <param name="reencode">The encoding of what was read; null: refused.</param>
internal sealed class CodecFuzz(string name, Func<FuzzRandom, byte[]> make, Func<byte[], byte[]?> reencode)
{
    private const int Mutants = 40;
    private const int AllocatedPerByte = 48;
    private const int AllocatedAtMost = 32 << 10;

    private readonly byte[] _buffer = new byte[256 << 10];
    private byte[] _former = [1, 2, 3];

    public long Run(FuzzRound round)
    {
        var random = round.Random;
        var bytes = make(random);
        FuzzRound.Check(Read(bytes) is { } same && same.AsSpan().SequenceEqual(bytes), $"{name} does not read what it wrote", bytes);
        for (var i = 0; i < Mutants; i++)
        {
            bytes.CopyTo(_buffer, 0);
            var mutant = _buffer[..Mutator.Mutate(random, _buffer, bytes.Length, _former)];
            if (Read(mutant) is { } again && !again.AsSpan().SequenceEqual(mutant)) throw new FuzzFailure($"{name} reads bytes that it would not write: {Convert.ToHexStringLower(again)}", mutant);
        }

        _former = bytes.Length > 0 ? bytes : _former;
        return Mutants;
    }

    private byte[]? Read(byte[] bytes)
    {
        try
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var again = reencode(bytes);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > AllocatedAtMost + ((long)AllocatedPerByte * bytes.Length)) throw new FuzzFailure($"{name} allocated {allocated} bytes for {bytes.Length}", bytes);
            return again;
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"{name} threw {e.GetType().Name}: {e.Message}\n{e.StackTrace}", bytes);
        }
    }
}
