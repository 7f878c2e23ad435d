using System.Diagnostics;
using Delos.Daemon.Storage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

/// <summary>A commit that begins while the last appender is copying, with nobody coming after it.</summary>
public class CommitRaceTests
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// FasterLog queues a write when the last appender has left the pages. The appender's look whether there is something to queue can overtake its own leaving (a load before an earlier store, while the store buffer is full of
    /// what it copied), and then neither it nor the committer queues anything. Here the first of two records lets the committer begin while the second one is being copied.
    /// </summary>
    [Test]
    public void A_commit_does_not_wait_for_ever_for_an_appender_that_has_left()
    {
        var options = new StorageOptions { SegmentFileBytes = 1 << 30, Disk = new NoDisk() }.Validate();
        var name = GenerationName.New(1, options);
        using var live = new LiveGeneration(new GenerationFiles("unused", name, new FileCache(1), options.Disk), options);
        for (var i = 0; i < 1000; i++) live.Device.AddFile(new SafeFileHandle(-1, ownsHandle: false));
        using var payload = new Payload(16 << 10);
        var stopped = false;
        var committer = new Thread(() =>
        {
            while (!Volatile.Read(ref stopped)) live.Commit();
        })
        { IsBackground = true };
        committer.Start();
        var watch = Stopwatch.StartNew();
        var rounds = 0L;
        for (; watch.Elapsed < s_duration; rounds++)
        {
            for (var i = 0; i < 2; i++)
            {
                while (live.TryAppend(new RecordHeader { Kind = RecordKind.Entries }, payload.Entries, [], useReserve: false, out _, out _) != AppendStatus.Ok) Thread.Yield();
            }

            var begun = Stopwatch.GetTimestamp();
            while (live.IsDirty)
            {
                if (Stopwatch.GetElapsedTime(begun) > s_patience) Assert.Fail($"the commit hangs in round {rounds}, after {watch.Elapsed.TotalSeconds:F1} s");
            }
        }

        Volatile.Write(ref stopped, true);
        committer.Join();
        TestContext.Out.WriteLine($"{rounds} rounds");
    }

    private sealed class Payload(int size) : IDisposable
    {
        public Protocol.Blocks.RetainedPayload Entries { get; } = StorageHarness.Encode(0, 1, size);

        public void Dispose() => Entries.Release();
    }

    private sealed class NoDisk : DiskOperations
    {
        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path)
        {
        }

        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path)
        {
        }
    }
}
