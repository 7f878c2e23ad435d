namespace Delos.Client.Tables;

/// <summary>A cancellation that comes by itself after a time, or with the caller's. Pooled: most requests are answered long before, and a timer each would cost more than they do.</summary>
internal sealed class Deadline : IDisposable
{
    private const int MaxPooled = 1024;

    private static readonly System.Collections.Concurrent.ConcurrentBag<CancellationTokenSource> s_pool = [];

    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _caller;

    private Deadline(CancellationTokenSource source, CancellationToken caller)
    {
        _source = source;
        _caller = caller.CanBeCanceled ? caller.UnsafeRegister(static s => ((CancellationTokenSource)s!).Cancel(), source) : default;
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Real time: what it guards against are peers that do not answer.</summary>
    public static Deadline After(TimeSpan time, CancellationToken caller)
    {
        if (!s_pool.TryTake(out var source)) source = new CancellationTokenSource();
        source.CancelAfter(time);
        return new Deadline(source, caller);
    }

    public void Dispose()
    {
        _caller.Dispose();
        if (_source.TryReset() && s_pool.Count < MaxPooled) s_pool.Add(_source);
        else _source.Dispose();
    }
}
