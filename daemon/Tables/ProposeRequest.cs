using Delos.Client;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Runtime;

namespace Delos.Daemon.Tables;

/// <summary>A proposal in hand: its answer is queued when this replica has applied it, and sent with the others of the same commit.</summary>
internal sealed class ProposeRequest(RequestBudget budget, TableConnection from, ulong correlationId, int bytes, AnswersToSend answers) : IProposalListener
{
    public void OnAnswered(ProposalResult result)
    {
        var reply = result.Status switch
        {
            ProposalStatus.Applied => new TableProposeReply(ProposeOutcome.Applied, StatusCode.Ok, result.Next, "", result.Payload),
            ProposalStatus.SessionExpired => new TableProposeReply(ProposeOutcome.SessionExpired, StatusCode.NotFound, 0, "the session is not known any more, since it was not used for long; open another one", default),
            ProposalStatus.AlreadyAnswered => new TableProposeReply(ProposeOutcome.AlreadyAnswered, StatusCode.BelowFloor, 0, "the command was answered before, and the answer is forgotten, since the client said that it has it", default),
            ProposalStatus.TooManyUnanswered => new TableProposeReply(ProposeOutcome.TooManyUnanswered, StatusCode.LimitExceeded, 0, "the session has too many unanswered commands", default),
            _ => new TableProposeReply(ProposeOutcome.Unknown, StatusCode.Internal, 0, $"the log answered {result.Status}", default),
        };
        from.Connection.Reply(reply, correlationId);
        budget.Return(from, bytes);
        answers.Add(from);
    }

    public void OnFailed(DelosException error)
    {
        var (outcome, code) = error.Code switch
        {
            DelosErrorCode.LimitExceeded => (ProposeOutcome.NotApplied, StatusCode.LimitExceeded),
            DelosErrorCode.DiskFull => (ProposeOutcome.NotApplied, StatusCode.DiskFull),
            DelosErrorCode.Unavailable or DelosErrorCode.Closed => (ProposeOutcome.NotApplied, StatusCode.Unavailable),

            // Whatever is not known for certain not to be in the log may be.
            _ => (ProposeOutcome.Unknown, StatusCode.Unavailable),
        };
        from.Connection.Reply(new TableProposeReply(outcome, code, 0, error.Message, default), correlationId);
        budget.Return(from, bytes);
        from.Connection.Flush();
    }
}
