using System.Runtime.CompilerServices;

namespace Delos.Client.Tables;

/// <summary>
/// One operation's way through the nodes: whom it asks next, how long that may take, when it pauses, and when its time is over. All waits of an operation are bounded by it, so that they do not add up. Not thread-safe.
/// </summary>
/// <param name="nodes">Who can be asked.</param>
/// <param name="options">How long the operation and each attempt may take.</param>
/// <param name="timeProvider">Its clock.</param>
/// <param name="wait">How much longer, because the nodes themselves wait for something.</param>
internal sealed class NodeRounds(TableNodes nodes, TableClientOptions options, TimeProvider timeProvider, TimeSpan wait = default)
{
    /// <summary>What a wait or an attempt gets that is begun when hardly any time is left, and a small part of <see cref="TableClientOptions.Slack"/>: one that has no time to be answered would only make the outcome of a write unknown.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(500);

    private static readonly IReadOnlyList<uint> s_noneTried = [];

    private readonly long _begun = timeProvider.GetTimestamp();
    private List<uint>? _tried;
    private TimeSpan _pause = s_pause;

    private NodeRounds(TableNodes nodes, TableClientOptions options, TimeProvider timeProvider, TimeSpan wait, long begun)
        : this(nodes, options, timeProvider, wait) => _begun = begun;

    /// <summary>Why nobody is asked if no node has the role.</summary>
    public static AttemptFailure NoNode => new(FailureKind.Elsewhere, DelosErrorCode.Unavailable, "no node of the cluster has the role table; set roles.table = true on some");

    /// <summary>Whether there may be another attempt.</summary>
    public bool IsTimeLeft => Left > TimeSpan.Zero;

    /// <summary>How long a wait may take that the operation needs before anybody is asked.</summary>
    public TimeSpan WaitTime => Longer(Left);

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan AttemptTime => Longer(Left < options.AttemptTimeout + wait ? Left : options.AttemptTimeout + wait);

    private TimeSpan Left => options.OperationTimeout + wait - timeProvider.GetElapsedTime(_begun);

    /// <summary>The node to ask next; 0: all have been asked, or there is none.</summary>
    /// <exception cref="DelosException">Unavailable: the node list cannot be read, and no node is known.</exception>
    public ValueTask<uint> NextAsync(CancellationToken cancellationToken) => TryNext(out var node) ? new ValueTask<uint>(node) : nodes.NextAsync(_tried ?? s_noneTried, WaitTime, cancellationToken);

    /// <summary>The node to ask next, if there is one that is known: then nothing has to be waited for.</summary>
    public bool TryNext(out uint node)
    {
        node = nodes.Next(_tried ?? s_noneTried, out _);
        return node != 0;
    }

    /// <summary>It is not asked again before <see cref="StartOver"/>.</summary>
    public void Tried(uint node) => (_tried ??= []).Add(node);

    /// <summary>Another one's way through the nodes, in the time that this one has left.</summary>
    public NodeRounds Beside() => new(nodes, options, timeProvider, wait, _begun);

    public void StartOver() => _tried?.Clear();

    /// <summary>Reads the node list anew; if it cannot be read, what is known of it has to do.</summary>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await nodes.RefreshAsync(WaitTime, cancellationToken).ConfigureAwait(false);
        }
        catch (DelosException e) when (e.Code == DelosErrorCode.Unavailable)
        {
            // Whoever asks for the next node hears of it.
        }
    }

    /// <summary>At random, and longer each time; not beyond the operation's time.</summary>
    public async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        var (pause, left) = (_pause * (0.5 + Random.Shared.NextDouble()), Left);
        _pause = _pause * 2 < s_longestPause ? _pause * 2 : s_longestPause;
        if (left > TimeSpan.Zero) await Task.Delay(pause < left ? pause : left, timeProvider, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks any node, another one if that cannot tell, and all of them again, for something that does no harm if it is done twice. To be awaited once.</summary>
    /// <param name="state">For <paramref name="ask"/>.</param>
    /// <param name="ask">One attempt at a node, within a time.</param>
    /// <param name="isOneRound">It is not asked again after all have been.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="DelosException">What the last attempt failed with.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T> AskAnyAsync<TState, T>(TState state, Func<TState, uint, TimeSpan, CancellationToken, ValueTask<(T Answer, AttemptFailure? Failure)>> ask, bool isOneRound, CancellationToken cancellationToken)
    {
        AttemptFailure? last = null;
        while (true)
        {
            var node = await NextAsync(cancellationToken).ConfigureAwait(false);
            if (node != 0)
            {
                var (answer, failure) = await ask(state, node, AttemptTime, cancellationToken).ConfigureAwait(false);
                if (failure is not { } why) return answer;
                last = why;
                if (why.Kind == FailureKind.Final || !IsTimeLeft) throw why.ToException();
                if (why.Kind == FailureKind.Moved) await RefreshAsync(cancellationToken).ConfigureAwait(false);
                if (why.Kind != FailureKind.Busy)
                {
                    Tried(node);
                    continue;
                }
            }

            // Nobody is left, or the one that is has too much to do.
            if (!IsTimeLeft || (isOneRound && node == 0)) throw (last ?? NoNode).ToException();
            await PauseAsync(cancellationToken).ConfigureAwait(false);
            if (node != 0) continue;
            StartOver();
            await RefreshAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static TimeSpan Longer(TimeSpan time) => time > s_shortest ? time : s_shortest;
}
