namespace Delos.LocalStorage;

/// <summary>Small files that are there whole or not at all, whatever happens while they are written.</summary>
internal static class DurableFile
{
    /// <summary>Puts the file in place of the one that may be there. When it returns, it survives the loss of power; its directory's own entry is the caller's matter.</summary>
    /// <exception cref="IoException">Some step failed; the old file, if any, is still the one.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + ".tmp";
        using (var file = Posix.Open(temporary, Posix.O_WRONLY | Posix.O_CREAT))
        {
            Posix.PWrite(file, bytes, 0, temporary);
            Posix.Truncate(file, bytes.Length, temporary);
            Posix.FSync(file, temporary);
        }

        Posix.Rename(temporary, path);
        Posix.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
