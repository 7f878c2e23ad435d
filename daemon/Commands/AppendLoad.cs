using System.Diagnostics;
using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary>A closed loop of appends: so many outstanding, each answered one followed by the next. Nothing is allocated per append.</summary>
internal sealed class AppendLoad(DelosLog log, int size, int outstanding)
{
    private readonly byte[] _payload = CreatePayload(size);
    private volatile bool _measuring;
    private volatile bool _stopped;

    /// <summary>Of all workers; read it after <see cref="RunAsync"/>.</summary>
    public LatencyHistogram Microseconds { get; } = new();

    public long Errors { get; private set; }

    public string? FirstError { get; private set; }

    public TimeSpan Measured { get; private set; }

    public async Task RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellationToken)
    {
        var workers = Enumerable.Range(0, outstanding).Select(_ => new Worker(this)).ToArray();
        var running = workers.Select(w => w.RunAsync(cancellationToken)).ToArray();
        try
        {
            await Task.Delay(warmUp, cancellationToken).ConfigureAwait(false);
            var started = Stopwatch.GetTimestamp();
            _measuring = true;
            await Task.Delay(duration, cancellationToken).ConfigureAwait(false);
            _measuring = false;
            Measured = Stopwatch.GetElapsedTime(started);
        }
        finally
        {
            _stopped = true;
            await Task.WhenAll(running).ConfigureAwait(false);
        }

        foreach (var worker in workers)
        {
            Microseconds.Add(worker.Microseconds);
            Errors += worker.Errors;
            FirstError ??= worker.FirstError;
        }
    }

    /// <summary>Not compressible, in case something on the way should try.</summary>
    private static byte[] CreatePayload(int size)
    {
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        return payload;
    }

    private sealed class Worker(AppendLoad load)
    {
        public LatencyHistogram Microseconds { get; } = new();

        public long Errors { get; private set; }

        public string? FirstError { get; private set; }

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            while (!load._stopped && !cancellationToken.IsCancellationRequested)
            {
                var started = Stopwatch.GetTimestamp();
                try
                {
                    // No token: one that can be cancelled costs a registration per append.
                    await load.Append().ConfigureAwait(false);
                }
                catch (DelosException e)
                {
                    Errors++;
                    FirstError ??= e.Message;
                    await Task.Delay(10, CancellationToken.None).ConfigureAwait(false);
                    continue;
                }

                if (load._measuring) Microseconds.Record((Stopwatch.GetTimestamp() - started) / (Stopwatch.Frequency / 1_000_000));
            }
        }
    }

    private ValueTask<long> Append() => log.AppendAsync(_payload, CancellationToken.None);
}
