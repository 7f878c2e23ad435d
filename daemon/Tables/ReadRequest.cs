using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Daemon.Tables;

/// <summary>A query in hand: answered once.</summary>
internal sealed class ReadRequest
{
    private readonly RequestBudget _budget;
    private readonly ulong _correlationId;
    private readonly int _bytes;
    private bool _isWatch;

    public ReadRequest(RequestBudget budget, TableConnection from, ulong correlationId, in TableRead message, TableQuery query, TimeSpan now)
    {
        _budget = budget;
        _correlationId = correlationId;
        _bytes = message.Query.Length;
        From = from;
        Hold = message.Hold;
        Query = query;
        Level = message.Level switch
        {
            TableReadKind.Stale => ReadLevel.Stale,
            TableReadKind.After => ReadLevel.After(message.LevelArgument),
            TableReadKind.Within => ReadLevel.Within(TimeSpan.FromMicroseconds(Math.Min(message.LevelArgument, (long)TimeSpan.FromDays(1).TotalMicroseconds))),
            _ => ReadLevel.Linearizable,
        };
        Deadline = now + TimeSpan.FromMilliseconds(query is ReadChanges ? message.WaitMilliseconds : 0);
    }

    public TableConnection From { get; }

    public Connection Connection => From.Connection;

    public TableQuery Query { get; private set; }

    public ReadLevel Level { get; }

    public TableHold Hold { get; }

    /// <summary>Until when a query for changes waits for the first one.</summary>
    public TimeSpan Deadline { get; }

    /// <summary>What a watch is answered if nothing comes: how far it has looked.</summary>
    public QueryReply? Latest { get; private set; }

    /// <summary>Nothing yet: it waits, and does not look at the same changes again.</summary>
    /// <returns>False: too many wait.</returns>
    public bool TryWait(QueryReply reply, RowVersion through)
    {
        if (!_isWatch && !_budget.TryTakeWatch(From)) return false;
        _isWatch = true;
        Latest = reply;
        Query = (ReadChanges)Query with { After = through };
        return true;
    }

    /// <param name="reply">The answer.</param>
    /// <param name="hold">Of the view that is held for it; 0: none is.</param>
    public void Answer(QueryReply reply, ulong hold = 0)
    {
        using var encoded = QueryReplyCodec.EncodeInPlace(reply);
        Connection.Reply(new TableReadReply(hold, encoded.Bytes), _correlationId);
        End();
    }

    public void Fail(StatusCode code, string text)
    {
        Connection.ReplyError(code, text, _correlationId);
        End();
    }

    /// <summary>Nobody waits for the answer any more.</summary>
    public void End()
    {
        if (_isWatch) _budget.ReturnWatch(From);
        _budget.Return(From, _bytes);
    }
}
