namespace Delos.Client.Loglets;

/// <summary>
/// Cancels when a time is over, or with another token. A timer that calls <see cref="CancellationTokenSource.Cancel()"/> would not do: it may fire just when the source is disposed of, and what a timer throws ends the process.
/// A source's own timer knows that.
/// </summary>
internal readonly struct TimeLimit : IDisposable
{
    private readonly CancellationTokenSource _over;
    private readonly CancellationTokenSource _either;

    public TimeLimit(TimeSpan time, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        _over = new CancellationTokenSource(time, timeProvider);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_over.Token, cancellationToken);
    }

    public CancellationToken Token => _either.Token;

    public void Dispose()
    {
        _either.Dispose();
        _over.Dispose();
    }
}
