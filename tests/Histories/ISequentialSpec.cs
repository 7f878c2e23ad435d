namespace Delos.Tests.Histories;

/// <summary>What an object does when its operations come one after the other: the yardstick of <see cref="LinearizabilityChecker"/>.</summary>
/// <typeparam name="TState">Immutable; equal states behave alike (its Equals and GetHashCode decide which searches are repetitions).</typeparam>
/// <typeparam name="TOperation">An operation with its arguments and, if it is known, its result.</typeparam>
public interface ISequentialSpec<TState, TOperation>
    where TState : notnull
{
    TState Initial { get; }

    /// <summary>The state after the operation; false: in this state it could not have had the result that it had. An operation whose result is unknown may have had any. A completed one that leaves some state as it is must leave every state so in which it applies: the checker places those without trying others.</summary>
    bool TryApply(TState state, TOperation operation, out TState next);
}

/// <summary>One operation of a history.</summary>
/// <param name="Invoked">Before the call; on one clock for all.</param>
/// <param name="Completed">After it returned; null: it never did, or its outcome is unknown. It may have taken effect at any time since, or never.</param>
/// <param name="Value">The operation.</param>
public sealed record HistoryOperation<TOperation>(long Invoked, long? Completed, TOperation Value);
