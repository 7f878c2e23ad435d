using Delos.LocalStorage;
using FASTER.core;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>
/// FasterLog's device over the files of one generation. <see cref="WriteAsync"/> only queues; <see cref="RunQueued"/>, on the disk's one I/O thread, writes with
/// pwrite on files opened with O_DSYNC (past the page cache or not, see <see cref="StorageOptions.DirectIo"/>), then runs the callbacks. Files are added and removed by the owner:
/// writes go only to files that are there and fully allocated, so they cannot meet a full disk. Its sector is a page of the page cache: a write of part of a page
/// that is not cached would have to read it first.
/// </summary>
internal sealed class SegmentDevice(string directory, int fileBytes, DiskOperations disk) : StorageDeviceBase(directory, Posix.PageSize, Devices.CAPACITY_UNSPECIFIED)
{
    private readonly Lock _lock = new();
    private List<QueuedWrite> _queue = [];
    private List<QueuedWrite> _running = [];
    private SafeFileHandle?[] _files = new SafeFileHandle?[4];
    private int _fileCount;
    private int _closedBelow;
    private bool _disposed;

    /// <summary>The end of the space whose blocks are there.</summary>
    public long AllocatedEnd => (long)Volatile.Read(ref _fileCount) * fileBytes;

    public int FileCount => Volatile.Read(ref _fileCount);

    /// <summary>Takes over the next file, allocated in full and opened with O_RDWR and O_DSYNC.</summary>
    public void AddFile(SafeFileHandle file)
    {
        lock (_lock)
        {
            if (_fileCount == _files.Length) Array.Resize(ref _files, _files.Length * 2);
            _files[_fileCount] = file;
            Volatile.Write(ref _fileCount, _fileCount + 1);
        }
    }

    /// <summary>The open file, or null once it was closed. A SafeFileHandle stays valid for a read that has begun.</summary>
    public SafeFileHandle? GetFile(int index)
    {
        lock (_lock) return index < _fileCount ? _files[index] : null;
    }

    /// <summary>Full files are never written again; readers have handles of their own.</summary>
    public void CloseFilesBelow(int index)
    {
        if (index <= _closedBelow) return;
        lock (_lock)
        {
            for (; _closedBelow < index && _closedBelow < _fileCount; _closedBelow++)
            {
                _files[_closedBelow]?.Dispose();
                _files[_closedBelow] = null;
            }
        }
    }

    /// <summary>Writes what is queued and runs the callbacks. False: nothing was queued. An error leaves through here, no callback runs, and the disk has failed.</summary>
    public unsafe bool RunQueued()
    {
        lock (_lock)
        {
            if (_queue.Count == 0) return false;
            (_queue, _running) = (_running, _queue);
        }

        for (var i = 0; i < _running.Count; i++)
        {
            var write = _running[i];
            var file = GetFile(write.File) ?? throw new InvalidOperationException($"A write to file {write.File} of {FileName}, which is not open.");
            var bytes = new ReadOnlySpan<byte>((void*)write.Source, write.Length);
            if (i + 1 < _running.Count && _running[i + 1] is var next && next.File == write.File && next.Offset == write.Offset + write.Length)
            {
                disk.Write(file, bytes, new ReadOnlySpan<byte>((void*)next.Source, next.Length), write.Offset, FileName);
                i++;
            }
            else
            {
                disk.Write(file, bytes, write.Offset, FileName);
            }
        }

        foreach (var write in _running) write.Callback(0, (uint)write.Length, write.Context);
        _running.Clear();
        return true;
    }

    public override void WriteAsync(IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context)
    {
        lock (_lock) _queue.Add(new QueuedWrite(sourceAddress, segmentId, (long)destinationAddress, (int)numBytesToWrite, callback, context));
    }

    /// <summary>Readers pread the files themselves; FasterLog never reads.</summary>
    public override void ReadAsync(int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context) =>
        callback(Posix.EIO, 0, context);

    /// <summary>Files are removed by the owner, by what the Loglets still need; FasterLog is never told to truncate.</summary>
    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            for (var i = 0; i < _fileCount; i++) _files[i]?.Dispose();
            Array.Clear(_files);
        }
    }

    private readonly record struct QueuedWrite(IntPtr Source, int File, long Offset, int Length, DeviceIOCompletionCallback Callback, object Context);
}
