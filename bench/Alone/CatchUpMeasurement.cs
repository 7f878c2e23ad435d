using System.Diagnostics;
using System.Globalization;
using Delos.Client;

namespace Delos.Bench.Alone;

/// <summary>How fast a reader that is far behind reads what was written a while ago, out of the operating system's page cache.</summary>
internal sealed class CatchUpMeasurement : IMeasurement
{
    private const int Size = 1024;
    private const int Batch = 256;
    private const long Bytes = 1L << 30;

    public string Name => "catch-up";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        await using var writer = DelosClient.Connect(cluster.Endpoints);
        var log = writer.Log("catch-up");
        await WriteAsync(log, cancellationToken).ConfigureAwait(false);
        var text = "| round | entries | seconds | MB/s of payload |\n| --- | --- | --- | --- |\n";
        for (var round = 0; round < bench.Plan.Rounds; round++)
        {
            await using var reader = DelosClient.Connect(cluster.Endpoints);
            var begun = Stopwatch.GetTimestamp();
            var (entries, bytes) = (0L, 0L);
            await foreach (var entry in reader.Log("catch-up").ReadAsync(0, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                entries++;
                bytes += entry.Payload.Length;
            }

            var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            var row = string.Create(CultureInfo.InvariantCulture, $"| {round + 1} | {entries} | {seconds:F2} | {bytes / seconds / 1e6:F0} |\n");
            await Console.Error.WriteAsync($"catch-up: {row}").ConfigureAwait(false);
            text += row;
        }

        return text;
    }

    private static async Task WriteAsync(DelosLog log, CancellationToken cancellationToken)
    {
        var payload = new byte[Size];
        new Random(1).NextBytes(payload);
        ReadOnlyMemory<byte>[] batch = [.. Enumerable.Repeat((ReadOnlyMemory<byte>)payload, Batch)];
        var underWay = new Queue<Task>();
        for (var written = 0L; written < Bytes; written += Size * Batch)
        {
            underWay.Enqueue(log.AppendBatchAsync(batch, cancellationToken).AsTask());
            if (underWay.Count >= 16) await underWay.Dequeue().ConfigureAwait(false);
        }

        await Task.WhenAll(underWay).ConfigureAwait(false);
    }
}
