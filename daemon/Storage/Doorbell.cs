using System.Runtime.InteropServices;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>
/// Wakes the one thread that waits for it: an eventfd(2). A thread that is pulsed in a monitor wakes up while the pulser still has that, and goes to sleep again, several times over if both are on one processor; here nothing is held.
/// Who rings before anybody waits is heard by the next wait; several rings are one.
/// </summary>
internal sealed partial class Doorbell
{
    private const int EFD_CLOEXEC = 0x80000;
    private const short POLLIN = 1;

    // Closed by its finalizer: whoever rings late must not meet another file of the same number.
    private readonly SafeFileHandle _event = Create();

    /// <summary>From any thread; does not block.</summary>
    /// <exception cref="IoException">The system refused; not while it works.</exception>
    public unsafe void Ring()
    {
        var one = 1UL;
        while (WriteNative(_event, &one, sizeof(ulong)) < 0) ThrowUnlessInterrupted("write");
    }

    /// <summary>By one thread at a time. False: nobody has rung within that time.</summary>
    /// <param name="atMost">Rounded up to milliseconds; null: for ever.</param>
    /// <exception cref="IoException">The system refused; not while it works.</exception>
    public unsafe bool Wait(TimeSpan? atMost)
    {
        if (atMost is { } time && !Poll(time)) return false;
        ulong rings;
        while (ReadNative(_event, &rings, sizeof(ulong)) < 0) ThrowUnlessInterrupted("read");
        return true;
    }

    private unsafe bool Poll(TimeSpan time)
    {
        var deadline = Environment.TickCount64 + (long)Math.Ceiling(time.TotalMilliseconds);
        var isAdded = false;
        _event.DangerousAddRef(ref isAdded);
        try
        {
            while (true)
            {
                var poll = new PollFd { File = (int)_event.DangerousGetHandle(), Events = POLLIN };
                var ready = PollNative(&poll, 1, (int)Math.Clamp(deadline - Environment.TickCount64, 0, int.MaxValue));
                if (ready >= 0) return ready > 0;
                ThrowUnlessInterrupted("poll");
            }
        }
        finally
        {
            _event.DangerousRelease();
        }
    }

    private static SafeFileHandle Create()
    {
        var fd = EventFdNative(0, EFD_CLOEXEC);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new IoException("eventfd", "the disk's I/O thread", Marshal.GetLastPInvokeError());
    }

    private static void ThrowUnlessInterrupted(string call)
    {
        var errno = Marshal.GetLastPInvokeError();
        if (errno != Posix.EINTR) throw new IoException(call, "the I/O thread's eventfd", errno);
    }

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFdNative(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint ReadNative(SafeFileHandle file, ulong* value, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteNative(SafeFileHandle file, ulong* value, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static unsafe partial int PollNative(PollFd* files, nuint count, int milliseconds);

    private struct PollFd
    {
        public int File;
        public short Events;
        public short Returned;
    }
}
