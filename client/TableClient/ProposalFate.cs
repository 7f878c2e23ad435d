namespace Delos.Client.Tables;

/// <summary>How one attempt of a proposal ended.</summary>
internal enum AttemptEnd
{
    /// <summary>The log says: applied, in this attempt or an earlier one.</summary>
    Applied,

    /// <summary>This attempt was not applied; another node may take it.</summary>
    NotApplied,

    /// <summary>This attempt was not applied: the node does not have the role.</summary>
    Moved,

    /// <summary>This attempt was not applied: too much is asked at a time.</summary>
    Busy,

    /// <summary>This attempt was not applied, and no node will take it.</summary>
    Refused,

    /// <summary>This attempt may be applied, also later.</summary>
    Unknown,

    /// <summary>The log says: the session is not known any more. This attempt was not applied.</summary>
    SessionExpired,

    /// <summary>The log says: answered before, and the answer is forgotten.</summary>
    AlreadyAnswered,
}

/// <summary>What is done next about a proposal.</summary>
internal enum ProposalStep
{
    /// <summary>The answer is there.</summary>
    Done,

    /// <summary>The same once more, with the same number, at another node.</summary>
    Elsewhere,

    /// <summary>As <see cref="Elsewhere"/>, after the node list was read anew.</summary>
    Refresh,

    /// <summary>The same once more after a pause.</summary>
    Later,

    /// <summary>The same in another session: no attempt can have been applied.</summary>
    NewSession,

    /// <summary>It fails: no attempt was applied, and none will be.</summary>
    FailNotApplied,

    /// <summary>It fails: some attempt may be applied.</summary>
    FailUnknown,
}

/// <summary>
/// Decides, attempt by attempt, what becomes of one proposal of a session. Once the outcome of any attempt is unknown, only the log's own word, by the session's record of the command, settles it: that a later attempt was not
/// applied says nothing of the earlier one, which may still be on its way. Pure.
/// </summary>
internal sealed class ProposalFate
{
    /// <summary>Some attempt may be applied.</summary>
    public bool MayBeApplied { get; private set; }

    /// <param name="end">Of the latest attempt.</param>
    /// <param name="isTimeLeft">Whether there may be another one.</param>
    public ProposalStep On(AttemptEnd end, bool isTimeLeft)
    {
        switch (end)
        {
            case AttemptEnd.Applied:
                return ProposalStep.Done;
            case AttemptEnd.Unknown or AttemptEnd.AlreadyAnswered:
                MayBeApplied = true;
                break;
            default:
                break;
        }

        return end switch
        {
            // Whatever is asked again, the log will say the same.
            AttemptEnd.AlreadyAnswered => ProposalStep.FailUnknown,
            AttemptEnd.SessionExpired when MayBeApplied => ProposalStep.FailUnknown,
            AttemptEnd.Refused when !MayBeApplied => ProposalStep.FailNotApplied,
            _ when !isTimeLeft => MayBeApplied ? ProposalStep.FailUnknown : ProposalStep.FailNotApplied,
            AttemptEnd.SessionExpired => ProposalStep.NewSession,
            AttemptEnd.Moved => ProposalStep.Refresh,
            AttemptEnd.Busy => ProposalStep.Later,
            _ => ProposalStep.Elsewhere,
        };
    }
}
