using Delos.LocalStorage;

namespace Delos.Daemon.Storage;

/// <summary>What is known of file systems by their kind.</summary>
internal static class FileSystem
{
    private const long Ext4 = 0xEF53;
    private const long Xfs = 0x58465342;

    /// <summary>
    /// Whether segment files on it are better written past the page cache. Those that checksum data (btrfs, zfs, bcachefs) are not, see <see cref="StorageOptions.DirectIo"/>, nor those nobody has tried.
    /// </summary>
    public static bool TakesDirectWrites(string directory) => Posix.FileSystemType(directory) is Ext4 or Xfs;
}
