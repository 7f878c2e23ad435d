using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Has commands applied, each once, through whatever nodes. Thread-safe.</summary>
internal sealed class TableWrites
{
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

    /// <summary>To be awaited once.</summary>
    /// <exception cref="DelosException">Unavailable, LimitExceeded: not applied, and never will be. OutcomeUnknown: it may be, also later.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(TableReply Reply, long Next)> ProposeAsync(TableCommand command, CancellationToken cancellationToken)
    {
        var bytes = TableCommandCodec.Encode(command);
        var fate = new ProposalFate();
        var rounds = new NodeRounds(_nodes, _options, _timeProvider);
        while (true)
        {
            if (!TryNumber(out var session, out var sequence)) (session, sequence) = await NumberAsync(rounds, cancellationToken).ConfigureAwait(false);
            try
            {
                while (true)
                {
                    var node = await NextAsync(rounds, cancellationToken).ConfigureAwait(false);
                    var attempt = node == 0
                        ? new Attempt(AttemptEnd.NotApplied, DelosErrorCode.Unavailable, _nodes.Known.Count == 0 ? NodeRounds.NoNode.Message : "no table node can be reached")
                        : AttemptOf(node, await _attempts.AskAsync<TablePropose, TableProposeReply>(node, new TablePropose(session.Id, sequence, session.Floor, bytes), rounds.AttemptTime, isSentAtOnce: false, cancellationToken).ConfigureAwait(false));
                    var step = fate.On(attempt.End, rounds.IsTimeLeft);
                    if (step == ProposalStep.Done)
                    {
                        Advance(attempt.Next);
                        return (attempt.Reply!, attempt.Next);
                    }

                    if (step == ProposalStep.FailNotApplied && attempt.Reply is { } refusal) return (refusal, attempt.Next);
                    if (step == ProposalStep.NewSession) break;
                    await PrepareAsync(step, attempt, node, rounds, cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                session.Answered(sequence);
            }

            _sessions.Forget(session);
        }
    }

    /// <summary>A number in the session, if there is one and neither has to be waited for.</summary>
    private bool TryNumber([NotNullWhen(true)] out ProposalSession? session, out ulong sequence)
    {
        sequence = 0;
        session = _sessions.Known;
        return session is not null && session.TryNext(out sequence, out _);
    }

    /// <summary>A number in the session, which is opened if there is none; the waits for both are part of the operation's time.</summary>
    private async ValueTask<(ProposalSession Session, ulong Sequence)> NumberAsync(NodeRounds rounds, CancellationToken cancellationToken)
    {
        var what = "no session was opened in time";
        try
        {
            var session = await _sessions.CurrentAsync(rounds.WaitTime, cancellationToken).ConfigureAwait(false);
            what = "too many earlier writes of this client are not answered yet";
            ulong sequence;
            while (!session.TryNext(out sequence, out var room)) await room.WaitAsync(rounds.WaitTime, cancellationToken).ConfigureAwait(false);
            return (session, sequence);
        }
        catch (TimeoutException e)
        {
            throw new DelosException(DelosErrorCode.Unavailable, $"The write was not applied: {what}.", e);
        }
    }

    /// <summary>What is to be done between two attempts.</summary>
    /// <exception cref="DelosException">There is no further one.</exception>
    private async ValueTask PrepareAsync(ProposalStep step, Attempt attempt, uint node, NodeRounds rounds, CancellationToken cancellationToken)
    {
        switch (step)
        {
            case ProposalStep.FailNotApplied:
                throw new DelosException(attempt.Code, $"The write was not applied: {attempt.Message}.", node: node == 0 ? null : node);
            case ProposalStep.FailUnknown:
                throw new DelosException(DelosErrorCode.OutcomeUnknown, $"The write may have been applied, or be applied later: {attempt.Message}.", node: node == 0 ? null : node);
            case ProposalStep.Elsewhere when node != 0:
                // It answered, but that is no help: reads and later writes go elsewhere at once, too. What it refuses for good is no fault of its own.
                if (attempt.End != AttemptEnd.Refused) _nodes.Failed(node);
                rounds.Tried(node);
                break;
            case ProposalStep.Refresh:
                rounds.Tried(node);
                await rounds.RefreshAsync(cancellationToken).ConfigureAwait(false);
                break;
            default:
                await rounds.PauseAsync(cancellationToken).ConfigureAwait(false);
                rounds.StartOver();
                if (node == 0) await rounds.RefreshAsync(cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private static Attempt AttemptOf(uint node, in (TableProposeReply Reply, AttemptFailure? Failure) answer)
    {
        var (reply, failure) = answer;
        if (failure is { } why) return new Attempt(EndOf(why.Kind), why.Code, why.Message);
        var decoded = reply.Reply.Length == 0 ? null : TableReply.Decode(reply.Reply.Span);
        if (reply.Outcome == ProposeOutcome.Applied && decoded is not null) return new Attempt(AttemptEnd.Applied, default, "", decoded, reply.Next);
        var message = $"node {node}: {reply.Text}";
        return reply.Outcome switch
        {
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

    /// <summary>The node list may be out of reach: that is no end of a write of which an attempt may be applied.</summary>
    private static ValueTask<uint> NextAsync(NodeRounds rounds, CancellationToken cancellationToken) =>
        rounds.TryNext(out var node) ? new ValueTask<uint>(node) : LookAsync(rounds, cancellationToken);

    private static async ValueTask<uint> LookAsync(NodeRounds rounds, CancellationToken cancellationToken)
    {
        try
        {
            return await rounds.NextAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (DelosException e) when (e.Code == DelosErrorCode.Unavailable)
        {
            return 0;
        }
    }

    private async Task<ulong> OpenSessionAsync()
    {
        try
        {
            return await new NodeRounds(_nodes, _options, _timeProvider).AskAnyAsync(_attempts, OpenAtAsync, isOneRound: false, CancellationToken.None).ConfigureAwait(false);
        }
        catch (DelosException e)
        {
            throw new DelosException(e.Code, $"The write was not applied: no session could be opened: {e.Message.TrimEnd('.')}.", e);
        }

        static async ValueTask<(ulong Session, AttemptFailure? Failure)> OpenAtAsync(NodeAttempts attempts, uint node, TimeSpan time, CancellationToken cancellationToken)
        {
            var (reply, failure) = await attempts.AskAsync<TableOpenSession, TableOpenSessionReply>(node, default, time, isSentAtOnce: false, cancellationToken).ConfigureAwait(false);
            return (reply.Session, failure);
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
