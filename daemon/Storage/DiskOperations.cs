using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>What the storage asks of the disk when it writes; the seam where tests inject faults.</summary>
internal class DiskOperations
{
    public static DiskOperations Real { get; } = new();

    /// <summary>Durable when it returns, if the file was opened with O_DSYNC.</summary>
    public virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path) => Posix.PWrite(file, source, offset, path);

    /// <summary>Two pieces that are adjacent in the file, in one call: one flush of the disk instead of two.</summary>
    public virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path) => Posix.PWriteV(file, first, second, offset, path);

    public virtual void DataSync(SafeFileHandle file, string path) => Posix.FDataSync(file, path);

    public virtual void Allocate(SafeFileHandle file, long offset, long length, string path) => Posix.Allocate(file, offset, length, path);

    public virtual int Read(SafeFileHandle file, Span<byte> destination, long offset, string path) => Posix.PRead(file, destination, offset, path);
}
