namespace Delos.Client.Tables;

/// <summary>The client's session: opened with the first write, by one request that all wait for, and again when the log has forgotten it. Thread-safe.</summary>
/// <param name="open">Opens one.</param>
internal sealed class SessionKeeper(Func<Task<ulong>> open)
{
    private readonly Lock _lock = new();
    private volatile Task<ProposalSession>? _session;

    /// <summary>The session, if it is open; null: <see cref="CurrentAsync"/> opens it.</summary>
    public ProposalSession? Known => _session is { IsCompletedSuccessfully: true } open ? open.Result : null;

    /// <param name="atMost">How long this caller waits; the request goes on for the others.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="TimeoutException">Not opened by then.</exception>
    /// <exception cref="DelosException">It cannot be opened.</exception>
    public Task<ProposalSession> CurrentAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        Task<ProposalSession> session;
        lock (_lock)
        {
            if (_session is null or { IsFaulted: true } or { IsCanceled: true }) _session = OpenAsync();
            session = _session;
        }

        return session.IsCompletedSuccessfully ? session : session.WaitAsync(atMost, cancellationToken);
    }

    /// <summary>The log does not know it any more.</summary>
    public void Forget(ProposalSession expired)
    {
        lock (_lock)
        {
            if (_session is { IsCompletedSuccessfully: true } known && ReferenceEquals(known.Result, expired)) _session = null;
        }
    }

    private async Task<ProposalSession> OpenAsync()
    {
        // Off the first caller's lock, and not ended with it: others wait, too.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        return new ProposalSession(await open().ConfigureAwait(false));
    }
}
