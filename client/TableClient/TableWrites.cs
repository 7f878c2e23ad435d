using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Has commands applied, each once, through whatever nodes. Thread-safe.</summary>
internal sealed class TableWrites
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(500);

    private readonly TableNodes _nodes;
    private readonly NodeAttempts _attempts;
    private readonly TableClientOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly SessionKeeper _sessions;
    private long _position;

    public TableWrites(TableNodes nodes, NodeAttempts attempts, TableClientOptions options, TimeProvider timeProvider)
    {
        _nodes = nodes;
        _attempts = attempts;
        _options = options;
        _timeProvider = timeProvider;
        _sessions = new SessionKeeper(OpenSessionAsync);
    }

    /// <summary>First log position behind the last write that was answered.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <exception cref="DelosException">Unavailable, LimitExceeded: not applied, and never will be. OutcomeUnknown: it may be, also later.</exception>
    public async ValueTask<(TableReply Reply, long Next)> ProposeAsync(TableCommand command, CancellationToken cancellationToken)
    {
        var bytes = TableCommandCodec.Encode(command);
        var fate = new ProposalFate();
        var begun = _timeProvider.GetTimestamp();
        while (true)
        {
            var session = await _sessions.CurrentAsync(cancellationToken).ConfigureAwait(false);
            ulong sequence;
            while (!session.TryNext(out sequence, out var room)) await room.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (await ProposeAsync(session, sequence, bytes, fate, begun, cancellationToken).ConfigureAwait(false) is { } done) return done;
            }
            finally
            {
                session.Answered(sequence);
            }

            _sessions.Forget(session);
        }
    }

    /// <summary>Null: the session is not known any more, and another one may be used.</summary>
    private async ValueTask<(TableReply Reply, long Next)?> ProposeAsync(ProposalSession session, ulong sequence, byte[] command, ProposalFate fate, long begun, CancellationToken cancellationToken)
    {
        var tried = new List<uint>();
        var pause = s_pause;
        while (true)
        {
            var node = await NextAsync(tried, cancellationToken).ConfigureAwait(false);
            var attempt = node == 0
                ? new Attempt(AttemptEnd.NotApplied, DelosErrorCode.Unavailable, _nodes.Known.Count == 0 ? "no node of the cluster has the role table; set roles.table = true on some" : "no table node can be reached")
                : await AttemptAsync(node, new TablePropose(session.Id, sequence, session.Floor, command), cancellationToken).ConfigureAwait(false);
            switch (fate.On(attempt.End, _timeProvider.GetElapsedTime(begun) < _options.OperationTimeout))
            {
                case ProposalStep.Done:
                    Advance(attempt.Next);
                    return (attempt.Reply!, attempt.Next);
                case ProposalStep.NewSession:
                    return null;
                case ProposalStep.FailNotApplied when attempt.Reply is { } refusal:
                    return (refusal, attempt.Next);
                case ProposalStep.FailNotApplied:
                    throw new DelosException(attempt.Code, $"The write was not applied: {attempt.Message}.", node: node == 0 ? null : node);
                case ProposalStep.FailUnknown:
                    throw new DelosException(DelosErrorCode.OutcomeUnknown, $"The write may have been applied, or be applied later: {attempt.Message}.", node: node == 0 ? null : node);
                case ProposalStep.Elsewhere when node != 0:
                    tried.Add(node);
                    continue;
                case ProposalStep.Refresh:
                    tried.Add(node);
                    await RefreshAsync(cancellationToken).ConfigureAwait(false);
                    continue;
                default:
                    await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), _timeProvider, cancellationToken).ConfigureAwait(false);
                    pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
                    tried.Clear();
                    if (node == 0) await RefreshAsync(cancellationToken).ConfigureAwait(false);
                    continue;
            }
        }
    }

    private async ValueTask<Attempt> AttemptAsync(uint node, TablePropose request, CancellationToken cancellationToken)
    {
        var (reply, failure) = await _attempts.AskAsync<TablePropose, TableProposeReply>(node, request, _options.AttemptTimeout, cancellationToken).ConfigureAwait(false);
        if (failure is { } why) return new Attempt(EndOf(why.Kind), why.Code, why.Message);
        var decoded = reply.Reply.Length == 0 ? null : TableReply.Decode(reply.Reply.Span);
        var message = $"node {node}: {reply.Text}";
        return reply.Outcome switch
        {
            ProposeOutcome.Applied when decoded is not null => new Attempt(AttemptEnd.Applied, default, "", decoded, reply.Next),
            ProposeOutcome.Applied => new Attempt(AttemptEnd.AlreadyAnswered, DelosErrorCode.Protocol, $"node {node} gave an answer that this version cannot read"),
            ProposeOutcome.NotApplied when decoded is not null => new Attempt(AttemptEnd.Refused, DelosErrorCode.LimitExceeded, message, decoded),
            ProposeOutcome.NotApplied when reply.Code == StatusCode.LimitExceeded => new Attempt(AttemptEnd.Busy, DelosErrorCode.LimitExceeded, message),
            ProposeOutcome.NotApplied => new Attempt(AttemptEnd.NotApplied, reply.Code == StatusCode.DiskFull ? DelosErrorCode.DiskFull : DelosErrorCode.Unavailable, message),
            ProposeOutcome.SessionExpired => new Attempt(AttemptEnd.SessionExpired, DelosErrorCode.Unavailable, message),
            ProposeOutcome.AlreadyAnswered => new Attempt(AttemptEnd.AlreadyAnswered, DelosErrorCode.OutcomeUnknown, message),
            ProposeOutcome.TooManyUnanswered => new Attempt(AttemptEnd.Busy, DelosErrorCode.LimitExceeded, message),
            _ => new Attempt(AttemptEnd.Unknown, DelosErrorCode.OutcomeUnknown, message),
        };
    }

    private static AttemptEnd EndOf(FailureKind kind) => kind switch
    {
        FailureKind.Elsewhere => AttemptEnd.NotApplied,
        FailureKind.Moved => AttemptEnd.Moved,
        FailureKind.Busy => AttemptEnd.Busy,
        FailureKind.Final => AttemptEnd.Refused,
        _ => AttemptEnd.Unknown,
    };

    /// <summary>The node list may be out of reach for a moment: what is known of it does, too.</summary>
    private async ValueTask<uint> NextAsync(List<uint> tried, CancellationToken cancellationToken)
    {
        try
        {
            return await _nodes.NextAsync(tried, cancellationToken).ConfigureAwait(false);
        }
        catch (DelosException e) when (e.Code == DelosErrorCode.Unavailable)
        {
            return 0;
        }
    }

    private async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (DelosException e) when (e.Code == DelosErrorCode.Unavailable)
        {
            // Later.
        }
    }

    private async Task<ulong> OpenSessionAsync()
    {
        var begun = _timeProvider.GetTimestamp();
        var tried = new List<uint>();
        var pause = s_pause;
        var last = new AttemptFailure(FailureKind.Elsewhere, DelosErrorCode.Unavailable, "no node of the cluster has the role table; set roles.table = true on some");
        while (true)
        {
            var node = await _nodes.NextAsync(tried, CancellationToken.None).ConfigureAwait(false);
            if (node != 0)
            {
                var (reply, failure) = await _attempts.AskAsync<TableOpenSession, TableOpenSessionReply>(node, default, _options.AttemptTimeout, CancellationToken.None).ConfigureAwait(false);
                if (failure is not { } why) return reply.Session;
                last = why;
                tried.Add(node);
                continue;
            }

            if (_timeProvider.GetElapsedTime(begun) >= _options.OperationTimeout) throw new DelosException(last.Code, $"The write was not applied: no session could be opened: {last.Message}.");
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), _timeProvider).ConfigureAwait(false);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            tried.Clear();
            await _nodes.RefreshAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void Advance(long next)
    {
        for (var known = Position; known < next; known = Position)
        {
            if (Interlocked.CompareExchange(ref _position, next, known) == known) return;
        }
    }

    private readonly record struct Attempt(AttemptEnd End, DelosErrorCode Code, string Message, TableReply? Reply = null, long Next = 0);
}
