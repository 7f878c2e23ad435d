using System.Runtime.InteropServices;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Nemesis;

/// <summary>
/// An ext4 file system of its own, in an image mounted by a loop device: its power can be cut, it can stand still, and it can be full. Needs root.
/// <para>It writes back nothing by itself for ten minutes (<c>commit=600</c>), so what was not synced is really not on it when its power is cut.</para>
/// </summary>
internal sealed partial class LoopDisk : IAsyncDisposable
{
    private const nuint Shutdown = 0x8004587d;
    private const uint WithoutFlush = 2;
    private const string Ballast = "ballast";
    private readonly string _image;

    private LoopDisk(string image, string mount)
    {
        _image = image;
        Mount = mount;
    }

    /// <summary>Where it is mounted.</summary>
    public string Mount { get; }

    public long FreeBytes => new DriveInfo(Mount).AvailableFreeSpace;

    /// <param name="image">The file that becomes the disk.</param>
    /// <param name="mount">Made.</param>
    /// <param name="megabytes">Its size.</param>
    public static async Task<LoopDisk> CreateAsync(string image, string mount, int megabytes)
    {
        Directory.CreateDirectory(mount);
        using (var file = new FileStream(image, FileMode.CreateNew)) file.SetLength((long)megabytes << 20);
        await Shell.RunAsync("mkfs.ext4", "-q", "-F", "-m", "0", image);
        var disk = new LoopDisk(image, mount);
        await disk.AttachAsync();
        return disk;
    }

    /// <summary>
    /// From now on every access fails with EIO, and what was not durable is gone, also out of the memory of the system. Processes that live on it may be killed before or after: before, their last calls are
    /// carried out; after, they are cut off in the middle.
    /// </summary>
    public void CutPower()
    {
        using var directory = Posix.Open(Mount, Posix.O_RDONLY | Posix.O_DIRECTORY);
        var flags = WithoutFlush;
        if (Control(directory, Shutdown, ref flags) != 0) throw new InvalidOperationException($"{Mount} cannot be shut down (EXT4_IOC_SHUTDOWN): {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>The disk is there again, as its journal has it. Nothing may use it meanwhile.</summary>
    public async Task RemountAsync()
    {
        await DetachAsync();
        await AttachAsync();
    }

    /// <summary>Every write waits until <see cref="ThawAsync"/>.</summary>
    public Task FreezeAsync() => Shell.RunAsync("fsfreeze", "--freeze", Mount);

    public Task ThawAsync() => Shell.RunAsync("fsfreeze", "--unfreeze", Mount);

    /// <summary>Takes all the room there is, while others may take some too.</summary>
    public void Fill()
    {
        var path = Path.Combine(Mount, Ballast);
        using var ballast = Posix.Open(path, Posix.O_RDWR | Posix.O_CREAT);
        for (long piece = 64 << 20, end = new FileInfo(path).Length; piece >= Posix.PageSize;)
        {
            try
            {
                Posix.Allocate(ballast, end, piece, path);
                end += piece;
            }
            catch (IoException e) when (e.IsNoSpace)
            {
                piece /= 2;
            }
        }
    }

    public void MakeRoom() => File.Delete(Path.Combine(Mount, Ballast));

    /// <summary>Everything on it is gone, as on a new disk.</summary>
    public async Task WipeAsync()
    {
        await DetachAsync();
        await Shell.RunAsync("mkfs.ext4", "-q", "-F", "-m", "0", _image);
        await AttachAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // Whatever state a failed test left it in.
        await Shell.TryAsync("fsfreeze", "--unfreeze", Mount);
        await Shell.TryAsync("umount", "--lazy", Mount);
        File.Delete(_image);
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, ref uint flags);

    private Task AttachAsync() => Shell.RunAsync("mount", "-t", "ext4", "-o", "loop,commit=600", _image, Mount);

    private Task DetachAsync() => Shell.RunAsync("umount", Mount);
}
