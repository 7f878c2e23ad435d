namespace Delos.Client.Loglets;

/// <summary>What a <see cref="TailFinder"/> wants done.</summary>
internal enum TailRequestKind
{
    /// <summary>Ask the replica for its state; answer with OnStatus.</summary>
    Status,

    /// <summary>Seal the replica; answer with OnSealed.</summary>
    Seal,

    /// <summary>Move the laggard's tail up to <see cref="TailRequest.First"/>, which another replica has trimmed; answer with OnMoved.</summary>
    Jump,

    /// <summary>Read some entries from <see cref="TailRequest.First"/> on, below <see cref="TailRequest.End"/>, from the source and give them to the replica; answer with OnMoved, OnSourceTrimmed or OnSourceFailed.</summary>
    Copy,
}

/// <summary>One request of a <see cref="TailFinder"/>. Each is answered once, by its result or by OnFailed.</summary>
/// <param name="Kind">What.</param>
/// <param name="Round">To be handed back with the answer: answers of a round that was given up are ignored.</param>
/// <param name="Replica">Whom to ask; for copies the one that lacks them. Index into the config.</param>
/// <param name="Source">For copies: who holds them; else -1.</param>
/// <param name="First">For copies the first position; for jumps the new tail.</param>
/// <param name="End">For copies the first position not wanted.</param>
internal readonly record struct TailRequest(TailRequestKind Kind, int Round, int Replica, int Source, long First, long End);

/// <summary>What a <see cref="TailFinder"/> came to.</summary>
internal enum TailOutcome
{
    Pending,

    /// <summary>Case 4, or case 5 whose wait ended well: the tail, open.</summary>
    Open,

    /// <summary>Cases 1 and 2: the tail, sealed, durable on a sealed majority.</summary>
    Sealed,

    /// <summary>Case 5 at its bound: the Loglet must be sealed, and the chain extended (trap 11).</summary>
    MustSealAndExtend,

    /// <summary>A replica holds the tombstone: fetch the chain again.</summary>
    Deleted,
}
