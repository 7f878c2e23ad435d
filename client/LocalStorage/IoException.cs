namespace Delos.LocalStorage;

/// <summary>A system call on a file failed.</summary>
public sealed class IoException(string operation, string path, int errno)
    : IOException($"{operation} {path}: {Posix.Describe(errno)} (errno {errno})")
{
    public string Operation { get; } = operation;

    public string Path { get; } = path;

    public int Errno { get; } = errno;

    /// <summary>No room: of the disk, of the quota.</summary>
    public bool IsNoSpace => Errno is Posix.ENOSPC or Posix.EDQUOT;

    /// <summary>
    /// The disk has no room, or the process no file descriptor for a file that was to be opened: nothing was written that could be lost, and trying again later may succeed. Everything else is a failure of the
    /// disk, and final.
    /// </summary>
    public bool IsShortage => IsNoSpace || (Operation == "open" && Errno is Posix.EMFILE or Posix.ENFILE);

    /// <summary>The file system does not know what was asked for.</summary>
    public bool IsInvalid => Errno == Posix.EINVAL;

    /// <summary>As <see cref="IsShortage"/>, also for what the framework's own file operations throw: their HResult is the errno.</summary>
    public static bool TellsShortage(IOException exception) =>
        exception is IoException io ? io.IsShortage : exception.HResult is Posix.ENOSPC or Posix.EDQUOT or Posix.EMFILE or Posix.ENFILE;
}
