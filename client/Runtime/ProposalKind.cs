namespace Delos.Runtime;

/// <summary>What a proposal in the log is. In the log: values never change.</summary>
internal enum ProposalKind : byte
{
    /// <summary>A command for the state machine.</summary>
    Command = 1,

    /// <summary>Begins a session; the answer is its id.</summary>
    OpenSession = 2,

    /// <summary>A replica says how far it is, what it can, and what its state's checksum was.</summary>
    Report = 3,

    /// <summary>A replica that has not reported for long does not count any more.</summary>
    Evict = 4,

    /// <summary>A feature may be used from here on.</summary>
    RaiseGate = 5,
}
