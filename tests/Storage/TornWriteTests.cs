using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

/// <summary>Crashes in the middle of a write, by seed: some sectors of it land, in any combination, the rest does not, and the process ends there.</summary>
public class TornWriteTests
{
    [Test]
    [Category("Trap26")]
    public async Task Whatever_sectors_of_the_last_write_land_nothing_durable_is_lost_and_nothing_is_called_damaged([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        long durable = 0;
        var harness = new StorageHarness();
        for (var crash = 0; crash < 4; crash++)
        {
            var disk = new TearingDisk(random.Next(2, 12), seed + crash);
            var next = harness.CrashCopy(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
            await harness.DisposeAsync();
            harness = next;
            harness.Open();
            Assert.That(harness.Unknown, Is.Empty, $"crash {crash}");
            Assert.That(harness.RecoveredTail, Is.GreaterThanOrEqualTo(durable), $"crash {crash}");
            var position = harness.RecoveredTail;
            if (position > 0) harness.ReadAndCheck(0, position);
            durable = position;
            disk.Armed = true;
            var log = harness.Log;
            var promised = new Queue<(long Address, long End)>();
            while (harness.Failures.Count == 0)
            {
                // Batches of up to a few pages, so that a commit is several writes.
                for (var i = random.Next(1, 60); i > 0; i--)
                {
                    var count = random.Next(1, 20);
                    if (harness.TryAppend(position, count, random.Next(8, 300), RecordKind.Entries, null, out var address) != AppendStatus.Ok) break;
                    position += count;
                    promised.Enqueue((address, position));
                }

                if (random.Next(3) == 0 && promised.Count > 0) StorageHarness.Until(() => log.DurableAddress >= promised.Last().Address || harness.Failures.Count > 0, "durable or dead");
                while (promised.TryPeek(out var first) && first.Address <= log.DurableAddress) durable = promised.Dequeue().End;
            }

            while (promised.TryPeek(out var first) && first.Address <= log.DurableAddress) durable = promised.Dequeue().End;
        }

        await harness.DisposeAsync();
    }

    private sealed class TearingDisk(int failAt, int seed) : DiskOperations
    {
        private const int Sector = 512;

        private readonly Random _random = new(seed);
        private int _writes;

        public volatile bool Armed;

        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path)
        {
            if (!Armed || ++_writes < failAt)
            {
                base.Write(file, source, offset, path);
                return;
            }

            var style = _random.Next(3);
            for (var at = 0; at < source.Length; at += Sector)
            {
                var lands = style switch { 0 => _random.Next(2) == 0, 1 => at < source.Length / 2, _ => at >= source.Length / 2 };
                if (lands) base.Write(file, source.Slice(at, Math.Min(Sector, source.Length - at)), offset + at, path);
            }

            throw new IoException("pwrite", path, 5);
        }

        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path)
        {
            // The second page may land without the first.
            if (Armed && _writes + 1 >= failAt && _random.Next(2) == 0) base.Write(file, second, offset + first.Length, path);
            Write(file, first, offset, path);
            Write(file, second, offset + first.Length, path);
        }
    }
}
