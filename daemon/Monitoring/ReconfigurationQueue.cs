namespace Delos.Daemon.Monitoring;

/// <summary>
/// Lets only a few of the reconfigurations that this node's monitor wants happen at a time. After a restart of a whole cluster all logs need one, and most of them nobody waits for: those that somebody appends to are extended
/// by their clients, if this takes long, and need the processors and disks more. Thread-safe.
/// </summary>
/// <param name="concurrency">How many at a time.</param>
/// <param name="patience">One that takes longer waits for nodes that are gone, and holds up no others any more.</param>
/// <param name="time">For the patience.</param>
internal sealed class ReconfigurationQueue(int concurrency, TimeSpan patience, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(concurrency);
    private int _waiting;

    /// <summary>Logs of which this monitor knows that they need a reconfiguration.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>From the verdict on.</summary>
    public void Join() => Interlocked.Increment(ref _waiting);

    /// <summary>Takes back one <see cref="Join"/>.</summary>
    public void Leave() => Interlocked.Decrement(ref _waiting);

    public async ValueTask<T> RunAsync<T>(Func<ValueTask<T>> reconfiguration, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task<T> running;
        try
        {
            running = reconfiguration().AsTask();
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(running, Task.Delay(patience, time, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }

        return await running.ConfigureAwait(false);
    }

    public void Dispose() => _slots.Dispose();
}
