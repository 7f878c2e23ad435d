namespace Delos.Daemon.Storage;

/// <summary>A system call on a file failed.</summary>
public sealed class IoException(string operation, string path, int errno)
    : IOException($"{operation} {path}: {Posix.Describe(errno)} (errno {errno})")
{
    public string Operation { get; } = operation;

    public string Path { get; } = path;

    public int Errno { get; } = errno;

    /// <summary>No room: of the disk, of the quota.</summary>
    public bool IsNoSpace => Errno is Posix.ENOSPC or Posix.EDQUOT;

    /// <summary>The file system does not know what was asked for.</summary>
    public bool IsInvalid => Errno == Posix.EINVAL;
}
