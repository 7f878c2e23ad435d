namespace Delos.Runtime;

/// <summary>What became of a proposal that is in the log. In stores: values never change.</summary>
public enum ProposalStatus : byte
{
    /// <summary>Applied; the answer is the state machine's.</summary>
    Applied = 0,

    /// <summary>The session has not been used for <see cref="Session.Lifetime"/>, or never was: nothing was applied. Begin another one; whether the command was applied in an earlier attempt is not known any more.</summary>
    SessionExpired = 1,

    /// <summary>The session has gone past this command: it was answered before, and the answer is forgotten.</summary>
    AlreadyAnswered = 2,

    /// <summary>The session has more unanswered commands than <see cref="Session.Window"/>: nothing was applied.</summary>
    TooManyUnanswered = 3,

    /// <summary>One of the runtime's own proposals was refused; the answer says why, in UTF-8.</summary>
    Refused = 4,
}
