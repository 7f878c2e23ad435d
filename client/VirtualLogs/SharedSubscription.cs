using Microsoft.Extensions.Logging;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// One subscription for several followers: what it brings is decoded once, and kept for a while for the slower ones. Whichever of them first wants more has it fetched; so the fastest sets the pace, no reader holds up
/// another, and nothing comes that nobody asked for. Whoever falls behind what is kept must go on by itself. Thread-safe.
/// </summary>
/// <param name="log">Its name.</param>
/// <param name="start">Where it begins.</param>
/// <param name="follow">Subscribes from there on, until cancelled.</param>
/// <param name="capacity">Bytes that are kept.</param>
/// <param name="logger">Told why it ended.</param>
internal sealed class SharedSubscription(string log, long start, Func<CancellationToken, IAsyncEnumerable<FollowedBatch>> follow, long capacity, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly FollowWindow _window = new(start, capacity);
    private IAsyncEnumerator<FollowedBatch>? _source;
    private TaskCompletionSource? _fetched;
    private int _members;
    private bool _isOver;
    private bool _isEnding;

    /// <summary>Nobody can join any more, and nothing more comes.</summary>
    public bool IsOver
    {
        get
        {
            lock (_lock) return _isOver;
        }
    }

    /// <summary>Whether somebody there would have to wait for more than is kept: the others are not at the tail, but catching up.</summary>
    public bool IsFarBehind(long position)
    {
        lock (_lock) return _window.IsFarBehind(position);
    }

    /// <summary>Makes the caller one of those who share it, until <see cref="TryLeave"/>. False: it is over, or what comes at that position is not kept any more, or not for long, or came before <paramref name="since"/>, a time stamp.</summary>
    public bool TryJoin(long position, long since)
    {
        lock (_lock)
        {
            if (_isOver || !_window.IsRecent(position, since)) return false;
            _members++;
            return true;
        }
    }

    /// <summary>The batch that has that position, as soon as there is one; null: the caller must go on by itself.</summary>
    public async ValueTask<FollowedBatch?> NextAsync(long position, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Task fetched;
            var isMine = false;
            lock (_lock)
            {
                if (position < _window.Low) return null;
                if (_window.Find(position) is { } batch) return batch;
                if (_isOver) return null;
                if (_fetched is null)
                {
                    // Each goes on on a thread of its own: what they do with it may take long.
                    _fetched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    isMine = true;
                }

                fetched = _fetched.Task;
            }

            if (isMine) _ = FetchAsync();

            // The fetching is everybody's: who is cancelled ends his wait alone.
            await fetched.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>False: that was the last one, who must end it, and nobody can join any more.</summary>
    public bool TryLeave()
    {
        lock (_lock)
        {
            if (--_members > 0) return true;
            _isOver = true;
            return false;
        }
    }

    /// <summary>For all who share it: they have what is kept, and then go on by themselves.</summary>
    public async ValueTask EndAsync()
    {
        Task fetched;
        lock (_lock)
        {
            _isOver = true;
            if (_isEnding) return;
            _isEnding = true;
            fetched = _fetched?.Task ?? Task.CompletedTask;
        }

        await _stopped.CancelAsync().ConfigureAwait(false);
        await fetched.ConfigureAwait(false);
        if (_source is not null) await _source.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>One at a time. Never fails.</summary>
    private async Task FetchAsync()
    {
        FollowedBatch? batch = null;
        try
        {
            _source ??= follow(_stopped.Token).GetAsyncEnumerator(_stopped.Token);
            if (await _source.MoveNextAsync().ConfigureAwait(false)) batch = _source.Current;
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // It is over.
        }
        catch (Exception e)
        {
            // Those who share it meet the same by themselves, or they do not.
            logger.SharedSubscriptionEnded(log, e);
        }

        TaskCompletionSource fetched;
        lock (_lock)
        {
            if (batch is not null) _window.Add(batch);
            else _isOver = true;
            (fetched, _fetched) = (_fetched!, null);
        }

        fetched.SetResult();
    }
}
