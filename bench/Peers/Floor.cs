using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Delos.Daemon.Commands;
using Delos.LocalStorage;

namespace Delos.Bench.Peers;

/// <summary>What the machine itself can do, whatever the software: three files written and synced side by side, and a message to another socket and back.</summary>
internal static class Floor
{
    private const int Size = 4096;

    /// <summary>Of one round: pwrite and fdatasync of 4 KiB in each of three preallocated files, by three threads.</summary>
    public static LatencyHistogram SyncThree(string directory, TimeSpan duration)
    {
        var rounds = new LatencyHistogram();
        using var barrier = new Barrier(Servers.Count + 1);
        var stopped = false;
        var threads = Enumerable.Range(0, Servers.Count).Select(i =>
        {
            var thread = new Thread(() => Write(Path.Combine(directory, $"floor-{i}"), barrier, () => Volatile.Read(ref stopped)));
            thread.Start();
            return thread;
        }).ToArray();
        var begun = Stopwatch.GetTimestamp();
        while (!stopped)
        {
            var round = Stopwatch.GetTimestamp();
            Volatile.Write(ref stopped, Stopwatch.GetElapsedTime(begun) >= duration);
            barrier.SignalAndWait();
            barrier.SignalAndWait();
            if (!stopped) rounds.Record((long)Stopwatch.GetElapsedTime(round).TotalMicroseconds);
        }

        foreach (var thread in threads) thread.Join();
        return rounds;
    }

    /// <summary>Of one round: 128 bytes over TCP on loopback to another thread and back, both blocking.</summary>
    public static LatencyHistogram RoundTrip(TimeSpan duration)
    {
        var rounds = new LatencyHistogram();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var here = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        here.Connect((IPEndPoint)listener.LocalEndpoint);
        using var there = listener.AcceptSocket();
        there.NoDelay = true;
        var echo = new Thread(() =>
        {
            var buffer = new byte[128];
            for (int n; (n = there.Receive(buffer)) > 0;) there.Send(buffer.AsSpan(0, n));
        });
        echo.Start();
        var message = new byte[128];
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < duration;)
        {
            var round = Stopwatch.GetTimestamp();
            here.Send(message);
            for (var got = 0; got < message.Length;) got += here.Receive(message.AsSpan(got));
            rounds.Record((long)Stopwatch.GetElapsedTime(round).TotalMicroseconds);
        }

        here.Shutdown(SocketShutdown.Send);
        echo.Join();
        return rounds;
    }

    private static void Write(string path, Barrier barrier, Func<bool> stopped)
    {
        using var file = Posix.Open(path, Posix.O_RDWR | Posix.O_CREAT);
        var bytes = new byte[Size];
        for (var i = 0; i < 256; i++) Posix.PWrite(file, bytes, (long)i * Size, path);
        Posix.FDataSync(file, path);
        for (long at = 0; ; at = (at + Size) % (256 * Size))
        {
            barrier.SignalAndWait();
            if (stopped())
            {
                barrier.SignalAndWait();
                return;
            }

            Posix.PWrite(file, bytes, at, path);
            Posix.FDataSync(file, path);
            barrier.SignalAndWait();
        }
    }
}
