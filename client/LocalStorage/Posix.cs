using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Delos.LocalStorage;

/// <summary>
/// The system calls that durability hangs on. .NET on Linux swallows the errors of fsync (DESIGN §6), so these go to libc, and every one of them reports its error.
/// Sound on 64-bit Linux only (off_t is 64 bits).
/// </summary>
public static partial class Posix
{
    internal const int EPERM = 1;
    internal const int EINTR = 4;
    internal const int EIO = 5;
    internal const int EEXIST = 17;
    internal const int EXDEV = 18;
    internal const int ENFILE = 23;
    internal const int EMFILE = 24;
    internal const int EWOULDBLOCK = 11;
    internal const int EINVAL = 22;
    internal const int ENOSPC = 28;
    internal const int EMLINK = 31;
    internal const int EOPNOTSUPP = 95;
    internal const int EDQUOT = 122;

    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_DSYNC = 0x1000;
    internal const int O_DIRECT = 0x4000;
    internal const int O_DIRECTORY = 0x10000;
    internal const int O_CLOEXEC = 0x80000;

    /// <summary>A page of memory: what the page cache reads and writes in one piece.</summary>
    internal const int PageSize = 4096;

    private const int AT_FDCWD = -100;
    private const uint STATX_TYPE = 1;
    private const int S_IFMT = 0xF000;
    private const int S_IFREG = 0x8000;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;

    /// <summary>open(2), close-on-exec, mode 0640.</summary>
    public static SafeFileHandle Open(string path, int flags)
    {
        while (true)
        {
            var fd = OpenNative(path, flags | O_CLOEXEC, 0x1A0);
            if (fd >= 0) return new SafeFileHandle(fd, ownsHandle: true);
            var errno = Marshal.GetLastPInvokeError();
            if (errno != EINTR) throw new IoException("open", path, errno);
        }
    }

    /// <summary>The type of the file system that a path is on, as statfs(2) lists them.</summary>
    internal static unsafe long FileSystemType(string path)
    {
        // The type comes first in a structure of 120 bytes.
        var buffer = stackalloc long[32];
        while (StatFsNative(path, buffer) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != EINTR) throw new IoException("statfs", path, errno);
        }

        return buffer[0];
    }

    /// <summary>It is a file with contents of its own, or a link to one: no pipe, no device, no directory.</summary>
    internal static unsafe bool IsRegularFile(string path)
    {
        // The mode is at byte 28 of a structure of 256 bytes, on all architectures.
        var buffer = stackalloc byte[256];
        while (StatXNative(AT_FDCWD, path, 0, STATX_TYPE, buffer) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != EINTR) throw new IoException("statx", path, errno);
        }

        return (*(ushort*)(buffer + 28) & S_IFMT) == S_IFREG;
    }

    /// <summary>Index of the first byte of a pinned array that lies at a multiple of <see cref="PageSize"/>.</summary>
    internal static unsafe int AlignedStart(byte[] pinned)
    {
        fixed (byte* start = pinned) return (int)(-(nint)start & (PageSize - 1));
    }

    /// <summary>Writes all of <paramref name="source"/>.</summary>
    public static unsafe void PWrite(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path)
    {
        fixed (byte* start = source)
        {
            var done = 0;
            while (done < source.Length)
            {
                var n = PWriteNative(file, start + done, (nuint)(source.Length - done), offset + done);
                if (n > 0)
                {
                    done += (int)n;
                    continue;
                }

                var errno = n == 0 ? EIO : Marshal.GetLastPInvokeError();
                if (errno != EINTR) throw new IoException("pwrite", path, errno);
            }
        }
    }

    /// <summary>Writes two pieces, adjacent in the file, with one system call where the kernel takes all of it.</summary>
    public static unsafe void PWriteV(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path)
    {
        fixed (byte* a = first, b = second)
        {
            var vector = stackalloc IoVector[2];
            vector[0] = new IoVector { Start = a, Length = (nuint)first.Length };
            vector[1] = new IoVector { Start = b, Length = (nuint)second.Length };
            nint n;
            while ((n = PWriteVNative(file, vector, 2, offset)) < 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                if (errno != EINTR) throw new IoException("pwritev", path, errno);
            }

            if (n < first.Length)
            {
                PWrite(file, first[(int)n..], offset + n, path);
                n = first.Length;
            }

            if (n < first.Length + second.Length) PWrite(file, second[((int)n - first.Length)..], offset + n, path);
        }
    }

    /// <summary>Reads until <paramref name="destination"/> is full or the file ends; the bytes read.</summary>
    public static unsafe int PRead(SafeFileHandle file, Span<byte> destination, long offset, string path)
    {
        fixed (byte* start = destination)
        {
            var done = 0;
            while (done < destination.Length)
            {
                var n = PReadNative(file, start + done, (nuint)(destination.Length - done), offset + done);
                if (n == 0) break;
                if (n > 0)
                {
                    done += (int)n;
                    continue;
                }

                var errno = Marshal.GetLastPInvokeError();
                if (errno != EINTR) throw new IoException("pread", path, errno);
            }

            return done;
        }
    }

    /// <summary>The file's data, and the metadata needed to read it back, are on the disk. Never call it again after it threw: the kernel reports a lost write once.</summary>
    public static void FDataSync(SafeFileHandle file, string path)
    {
        if (FDataSyncNative(file) != 0) throw new IoException("fdatasync", path, Marshal.GetLastPInvokeError());
    }

    public static void FSync(SafeFileHandle file, string path)
    {
        if (FSyncNative(file) != 0) throw new IoException("fsync", path, Marshal.GetLastPInvokeError());
    }

    /// <summary>Makes creations, renames and deletions in <paramref name="path"/> durable.</summary>
    public static void SyncDirectory(string path)
    {
        using var directory = Open(path, O_RDONLY | O_DIRECTORY);
        FSync(directory, path);
    }

    /// <summary>Creates a directory; its name is durable after a <see cref="SyncDirectory"/> of the parent. False: it was there.</summary>
    public static bool MakeDirectory(string path)
    {
        if (MkDirNative(path, 0x1E8) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == EEXIST ? false : throw new IoException("mkdir", path, errno);
    }

    /// <summary>Reserves blocks, so that writes inside the range cannot meet a full disk.</summary>
    public static void Allocate(SafeFileHandle file, long offset, long length, string path)
    {
        int errno;
        do errno = FallocateNative(file, offset, length);
        while (errno == EINTR);
        if (errno != 0) throw new IoException("posix_fallocate", path, errno);
    }

    public static void Truncate(SafeFileHandle file, long length, string path)
    {
        if (FTruncateNative(file, length) != 0) throw new IoException("ftruncate", path, Marshal.GetLastPInvokeError());
    }

    public static void Rename(string from, string to)
    {
        if (RenameNative(from, to) != 0) throw new IoException("rename", $"{from} to {to}", Marshal.GetLastPInvokeError());
    }

    /// <summary>Gives a file a second name, which must be free. False: it cannot have one there, on another file system or on one without hard links.</summary>
    internal static bool TryLink(string from, string to)
    {
        if (LinkNative(from, to) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno is EXDEV or EPERM or EMLINK or EOPNOTSUPP ? false : throw new IoException("link", $"{from} to {to}", errno);
    }

    /// <summary>False: another open file description holds the lock.</summary>
    internal static bool TryLock(SafeFileHandle file, string path)
    {
        if (FLockNative(file, LOCK_EX | LOCK_NB) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == EWOULDBLOCK ? false : throw new IoException("flock", path, errno);
    }

    internal static string Describe(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenNative(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static unsafe partial nint PWriteNative(SafeFileHandle file, byte* source, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static unsafe partial nint PWriteVNative(SafeFileHandle file, IoVector* vector, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static unsafe partial nint PReadNative(SafeFileHandle file, byte* destination, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSyncNative(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSyncNative(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int FallocateNative(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int FTruncateNative(SafeFileHandle file, long length);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameNative(string from, string to);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkNative(string from, string to);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkDirNative(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatFsNative(string path, long* buffer);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatXNative(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FLockNative(SafeFileHandle file, int operation);

    private unsafe struct IoVector
    {
        public byte* Start;
        public nuint Length;
    }
}
