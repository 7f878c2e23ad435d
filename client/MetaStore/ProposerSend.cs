using Delos.Protocol.Messages;

namespace Delos.Client.MetaStore;

/// <summary>Which request a <see cref="ProposerSend"/> is.</summary>
internal enum ProposerRequest
{
    Read,
    Prepare,
    Accept,
}

/// <summary>One request that a <see cref="RegisterProposer"/> wants sent. Its answer, or its failure, goes back with the same <paramref name="Phase"/> and <paramref name="Index"/>.</summary>
internal readonly record struct ProposerSend(int Phase, int Index, NodeEndpoint Target, ProposerRequest Request, ulong Instance, Ballot Ballot, ReadOnlyMemory<byte> Value);

/// <summary>What the shell does next.</summary>
internal enum ProposerStep
{
    /// <summary>Wait for answers.</summary>
    Wait,

    /// <summary>A majority has answered, but shows a version undecided: its proposer may be at work. Take answers a little longer, then call <see cref="RegisterProposer.EndGrace"/>.</summary>
    WaitGrace,

    /// <summary>Lost a race for the ballot, or too few acceptors answered: wait a random while, then call <see cref="RegisterProposer.Retry"/>.</summary>
    BackOff,

    /// <summary>See <see cref="RegisterProposer.Result"/>.</summary>
    Done,
}

/// <summary>How the operation ended.</summary>
/// <param name="Won">Of a write.</param>
/// <param name="OutcomeUnknown">Of a write: so many versions followed that none of them remembers who wrote this one.</param>
/// <param name="Decided">The writer's own version when it won; else the newest version known decided.</param>
internal readonly record struct ProposerResult(bool Won, bool OutcomeUnknown, DecidedVersion Decided);

/// <summary>A version of a register that is known to be decided, and a ballot at which it was: where the next proposer begins to count. Version 0 has no value.</summary>
internal sealed record DecidedVersion(ulong Version, RegisterValue? Value, Ballot Ballot)
{
    public static DecidedVersion None { get; } = new(0, null, default);
}
