using System.Diagnostics;
using Delos.Client;

namespace Delos.Bench.Alone;

/// <summary>Appends at a given rate, whatever their answers take, and notes when each position was acknowledged.</summary>
/// <param name="log">Where to.</param>
/// <param name="size">Bytes of an entry.</param>
/// <param name="perSecond">Appends.</param>
/// <param name="acknowledged">Timestamps by position; positions behind its end are not noted.</param>
internal sealed class PacedLoad(DelosLog log, int size, double perSecond, long[] acknowledged)
{
    private readonly byte[] _payload = new byte[size];
    private int _underWay;

    /// <summary>Until the time is over and every append is answered. Throws what the first failed append threw.</summary>
    public async Task RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        var started = 0L;
        Exception? failure = null;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (Stopwatch.GetElapsedTime(begun) < duration && failure is null)
        {
            for (var due = (long)(Stopwatch.GetElapsedTime(begun).TotalSeconds * perSecond); started < due; started++)
            {
                Interlocked.Increment(ref _underWay);
                _ = AppendAsync();
            }

            await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        }

        while (Volatile.Read(ref _underWay) > 0) await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        if (failure is not null) throw failure;

        async Task AppendAsync()
        {
            try
            {
                var position = await log.AppendAsync(_payload, CancellationToken.None).ConfigureAwait(false);
                if (position < acknowledged.Length) Volatile.Write(ref acknowledged[position], Stopwatch.GetTimestamp());
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                Interlocked.Decrement(ref _underWay);
            }
        }
    }
}
