using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Delos.Protocol.Connections;

/// <summary>
/// sendmsg(2), for what the framework's gathered send lacks: up to 256 pieces in one system call, without allocating (it takes 8), so that small payloads need not be
/// copied together; and it never waits.
/// </summary>
internal static unsafe partial class GatheredSend
{
    /// <summary>Pieces in one call; the kernel allows 1024.</summary>
    public const int MaxPieces = 256;

    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;

    /// <summary>Where the layouts and constants below hold.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess && BitConverter.IsLittleEndian;

    /// <summary>Bytes sent; −1 if nothing could be sent now, be it that the socket is full, be it an error, which the next ordinary send will report.</summary>
    public static long TrySend(SafeSocketHandle socket, SendBatch batch)
    {
        var vectors = stackalloc IoVector[MaxPieces];
        var count = batch.CopyTo(new Span<IoVector>(vectors, MaxPieces));
        var header = new MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        return SendMessage(socket, &header, DontWait | NoSignal);
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, MessageHeader* header, int flags);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        public void* Base;
        public nuint Length;

        /// <summary>A piece of a pinned array.</summary>
        public void Set(byte[] pinned, int offset, int length)
        {
            Base = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned)) + offset;
            Length = (nuint)length;
        }
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
