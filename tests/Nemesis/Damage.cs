using Delos.LocalStorage;

namespace Delos.Tests.Nemesis;

/// <summary>Damage done to one file, which can be undone: also after the node that has it open wrote more into it.</summary>
internal sealed class Damage
{
    private readonly string _path;
    private readonly long _offset;
    private readonly byte[] _former;
    private readonly long _length;

    private Damage(string path, long offset, byte[] former, long length)
    {
        _length = length;
        _path = path;
        _offset = offset;
        _former = former;
    }

    /// <summary>Flips one bit of something that the file holds. Null: it holds nothing.</summary>
    public static Damage? Flip(string path, Random random)
    {
        var bytes = Read(path, out var held);
        if (held == 0) return bytes.Length == 0 ? null : Write(path, bytes.Length / 2, bytes.AsSpan(bytes.Length / 2, 1), [0x10]);
        int at;
        if (path.EndsWith(".seg", StringComparison.Ordinal))
        {
            // In the first record's header, of which every bit counts, and behind which there are others.
            at = random.Next(70, 100);
        }
        else
        {
            do at = random.Next(held);
            while (bytes[at] == 0);
        }

        return Write(path, at, bytes.AsSpan(at, 1), [(byte)(bytes[at] ^ (1 << random.Next(8)))]);
    }

    /// <summary>Cuts off the second half of what the file holds, and all that is behind it. Null: it is empty.</summary>
    public static Damage? Truncate(string path)
    {
        var bytes = Read(path, out var held);
        if (bytes.Length == 0) return null;
        var at = held / 2;
        using var file = Posix.Open(path, Posix.O_RDWR);
        Posix.Truncate(file, at, path);
        return new Damage(path, at, bytes[at..held], bytes.Length);
    }

    /// <summary>False: the node that has the file open has written over it, from its memory.</summary>
    public bool IsThere()
    {
        using var file = Posix.Open(_path, Posix.O_RDONLY);
        var bytes = new byte[_former.Length];
        return Posix.PRead(file, bytes, _offset, _path) < bytes.Length || !bytes.AsSpan().SequenceEqual(_former);
    }

    public void Undo()
    {
        using var file = Posix.Open(_path, Posix.O_RDWR);
        Posix.PWrite(file, _former, _offset, _path);
        if (RandomAccess.GetLength(file) < _length) Posix.Truncate(file, _length, _path);
    }

    private static Damage Write(string path, int offset, ReadOnlySpan<byte> former, ReadOnlySpan<byte> bytes)
    {
        var damage = new Damage(path, offset, former.ToArray(), 0);
        using var file = Posix.Open(path, Posix.O_RDWR);
        Posix.PWrite(file, bytes, offset, path);
        return damage;
    }

    private static byte[] Read(string path, out int held)
    {
        // Not by FileStream, which asks for a lock of the file.
        using var file = Posix.Open(path, Posix.O_RDONLY);
        var bytes = new byte[RandomAccess.GetLength(file)];
        Posix.PRead(file, bytes, 0, path);
        held = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        return bytes;
    }
}
