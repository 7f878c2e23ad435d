using System.Diagnostics;

namespace Delos.Daemon.Commands;

/// <summary>A closed loop: so many calls outstanding, each answered one followed by the next.</summary>
/// <param name="call">Makes one call. No token: one that can be cancelled costs a registration per call.</param>
/// <param name="outstanding">Calls under way at a time.</param>
/// <param name="isError">Which failures of a call are counted and passed over, after a pause; another one ends the load.</param>
/// <param name="each">Operations in one call.</param>
internal sealed class ClosedLoad<T>(Func<ValueTask<T>> call, int outstanding, Func<Exception, bool> isError, int each = 1) : IDisposable
{
    private static readonly TimeSpan s_errorPause = TimeSpan.FromMilliseconds(10);

    private readonly LatencyRecorder _microseconds = new();
    private long _errors;
    private string? _firstError;
    private long _operations;
    private volatile bool _measuring;
    private volatile bool _stopped;

    /// <summary>How long each call took; read it after <see cref="RunAsync"/>.</summary>
    public LatencyHistogram Microseconds => _microseconds.Total();

    /// <summary>Answered while it was measured.</summary>
    public long Operations => Interlocked.Read(ref _operations);

    public long Errors => Interlocked.Read(ref _errors);

    public string? FirstError => Volatile.Read(ref _firstError);

    public TimeSpan Measured { get; private set; }

    /// <param name="warmUp">Before it is measured.</param>
    /// <param name="duration">While it is measured.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <param name="measuring">Called when measuring begins, true, and when it ends, false.</param>
    public async Task RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellationToken, Action<bool>? measuring = null)
    {
        var running = Enumerable.Range(0, Math.Max(1, outstanding)).Select(_ => WorkAsync(cancellationToken)).ToArray();
        try
        {
            await Task.Delay(warmUp, cancellationToken).ConfigureAwait(false);
            measuring?.Invoke(true);
            var started = Stopwatch.GetTimestamp();
            _measuring = true;
            await Task.Delay(duration, cancellationToken).ConfigureAwait(false);
            _measuring = false;
            Measured = Stopwatch.GetElapsedTime(started);
            measuring?.Invoke(false);
        }
        finally
        {
            _stopped = true;
            Interlocked.Add(ref _operations, (await Task.WhenAll(running).ConfigureAwait(false)).Sum());
        }
    }

    public void Dispose() => _microseconds.Dispose();

    private async Task<long> WorkAsync(CancellationToken cancellationToken)
    {
        var operations = 0L;
        while (!_stopped && !cancellationToken.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                await call().ConfigureAwait(false);
            }
            catch (Exception e) when (isError(e))
            {
                Interlocked.Increment(ref _errors);
                Interlocked.CompareExchange(ref _firstError, e.Message, null);
                await Task.Delay(s_errorPause, CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (!_measuring) continue;
            operations += each;
            _microseconds.Record((Stopwatch.GetTimestamp() - started) / (Stopwatch.Frequency / 1_000_000));
        }

        return operations;
    }
}
