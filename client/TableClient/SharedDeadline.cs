namespace Delos.Client.Tables;

/// <summary>
/// A cancellation that comes by itself after a time, shared by all who begin within a short while: nearly every request is answered long before, and a timer for each, to be set and stopped again, would cost more than the request.
/// Thread-safe.
/// </summary>
/// <param name="time">After which it comes at the earliest; at the latest <see cref="Window"/> later. Real time: what it guards against are peers that do not answer.</param>
/// <param name="timeProvider">Tells who begins at about the same time.</param>
internal sealed class SharedDeadline(TimeSpan time, TimeProvider timeProvider)
{
    /// <summary>Those who begin so close to each other share one; a small part of <see cref="TableClientOptions.Slack"/>.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private volatile Opened? _newest;

    /// <summary>For something that begins now.</summary>
    public CancellationToken Begin() => Current() ?? Open();

    private CancellationToken? Current() => _newest is { } newest && timeProvider.GetElapsedTime(newest.At) < Window && !newest.Token.IsCancellationRequested ? newest.Token : null;

    private CancellationToken Open()
    {
        lock (_lock)
        {
            if (Current() is { } current) return current;

            // Its timer keeps it until it fires; nobody else has to.
            var source = new CancellationTokenSource(time + Window);
            _newest = new Opened(source.Token, timeProvider.GetTimestamp());
            return source.Token;
        }
    }

    private sealed record Opened(CancellationToken Token, long At);
}
