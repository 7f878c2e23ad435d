using System.Diagnostics;
using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary>A closed loop of appends: so many outstanding, each answered one, or each answered batch, followed by the next. Single appends allocate nothing.</summary>
/// <param name="log">Where to.</param>
/// <param name="size">Bytes of an entry.</param>
/// <param name="outstanding">Appends under way at a time.</param>
/// <param name="batch">Appends made by one call; each gets a position of its own.</param>
internal sealed class AppendLoad(DelosLog log, int size, int outstanding, int batch) : IDisposable
{
    private readonly ReadOnlyMemory<byte>[] _payloads = [.. Enumerable.Repeat((ReadOnlyMemory<byte>)CreatePayload(size), batch)];
    private readonly LatencyRecorder _microseconds = new();
    private long _errors;
    private string? _firstError;
    private long _appends;
    private volatile bool _measuring;
    private volatile bool _stopped;

    /// <summary>How long each call took; read it after <see cref="RunAsync"/>.</summary>
    public LatencyHistogram Microseconds => _microseconds.Total();

    /// <summary>Acknowledged while it was measured.</summary>
    public long Appends => Interlocked.Read(ref _appends);

    public long Errors => Interlocked.Read(ref _errors);

    public string? FirstError => Volatile.Read(ref _firstError);

    public TimeSpan Measured { get; private set; }

    public async Task RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellationToken)
    {
        var running = Enumerable.Range(0, Math.Max(1, outstanding / batch)).Select(_ => WorkAsync(cancellationToken)).ToArray();
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
            Interlocked.Add(ref _appends, (await Task.WhenAll(running).ConfigureAwait(false)).Sum());
        }
    }

    public void Dispose() => _microseconds.Dispose();

    /// <summary>Not compressible, in case something on the way should try.</summary>
    private static byte[] CreatePayload(int size)
    {
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        return payload;
    }

    private async Task<long> WorkAsync(CancellationToken cancellationToken)
    {
        var appends = 0L;
        while (!_stopped && !cancellationToken.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                // No token: one that can be cancelled costs a registration per append.
                if (batch == 1) await log.AppendAsync(_payloads[0], CancellationToken.None).ConfigureAwait(false);
                else await log.AppendBatchAsync(_payloads, CancellationToken.None).ConfigureAwait(false);
            }
            catch (DelosException e)
            {
                Interlocked.Increment(ref _errors);
                Interlocked.CompareExchange(ref _firstError, e.Message, null);
                await Task.Delay(10, CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (!_measuring) continue;
            appends += batch;
            _microseconds.Record((Stopwatch.GetTimestamp() - started) / (Stopwatch.Frequency / 1_000_000));
        }

        return appends;
    }
}
