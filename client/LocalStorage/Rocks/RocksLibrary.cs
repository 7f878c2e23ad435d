using System.Reflection;
using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>Finds the distribution's RocksDB library. All that is used of its C interface is declared the same in 7.8 and in 9.10.</summary>
internal static class RocksLibrary
{
    /// <summary>What imports call the library.</summary>
    public const string Name = "rocksdb";

    private static readonly Lock s_lock = new();
    private static nint s_library;

    /// <summary>Names to try, in this order: distributions name the library by version, a build of one's own also without. The first is the version that the tests are run with.</summary>
    public static IReadOnlyList<string> Candidates { get; } =
    [
        "librocksdb.so.7.8",
        .. Enumerable.Range(9, 2).Select(static minor => $"librocksdb.so.7.{minor}"),
        .. Enumerable.Range(0, 12).Select(static minor => $"librocksdb.so.8.{minor}"),
        .. Enumerable.Range(0, 12).Select(static minor => $"librocksdb.so.9.{minor}"),
        "librocksdb.so.8",
        "librocksdb.so.9",
        "librocksdb.so",
    ];

    /// <summary>To be called before anything is imported from the library.</summary>
    /// <exception cref="DllNotFoundException">It is not installed; the message says what to install.</exception>
    public static void Load()
    {
        lock (s_lock)
        {
            if (s_library != 0) return;
            s_library = Find(static name => NativeLibrary.TryLoad(name, out var library) ? library : 0);
            NativeLibrary.SetDllImportResolver(typeof(RocksLibrary).Assembly, Resolve);
        }
    }

    /// <param name="tryLoad">Gives the library of that name, or 0.</param>
    /// <exception cref="DllNotFoundException">None of the candidates is there.</exception>
    public static nint Find(Func<string, nint> tryLoad)
    {
        foreach (var name in Candidates)
        {
            var library = tryLoad(name);
            if (library != 0) return library;
        }

        throw new DllNotFoundException("The RocksDB library is not installed. On Debian 12: apt-get install librocksdb7.8. Any other version from 7.8 to 9.x does (Debian 13: librocksdb9.10); "
            + $"it is looked for as {Candidates[0]}, librocksdb.so.8.x, librocksdb.so.9.x and librocksdb.so, where the dynamic linker looks (ld.so.conf, LD_LIBRARY_PATH).");
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Name ? s_library : 0;
}
