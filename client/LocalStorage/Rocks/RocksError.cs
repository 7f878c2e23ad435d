using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>What RocksDB's functions leave behind when they fail: a text that the caller has to free.</summary>
internal static class RocksError
{
    /// <exception cref="StoreException">There is an error.</exception>
    public static void ThrowIfAny(nint error, string operation)
    {
        if (error != 0) throw new StoreException(operation, Take(error));
    }

    /// <summary>The text, which is freed.</summary>
    public static string Take(nint error)
    {
        try
        {
            return Marshal.PtrToStringUTF8(error) ?? "";
        }
        finally
        {
            RocksNative.Free(error);
        }
    }
}
