namespace Delos.Runtime;

/// <summary>
/// An application of the log. Every replica applies the same commands in the same order to its own store, so <see cref="Apply"/> must be deterministic: nothing but the command, the context and the store may
/// decide what it does; no clock, no randomness, no order of a hash table, no formatting of floating-point numbers.
/// </summary>
public interface IStateMachine
{
    /// <summary>
    /// Applies one command. What it writes becomes visible, with that of other commands and the cursor, in one local transaction. A command that is refused (bad input, failed precondition) is an answer that says so,
    /// not an exception: an exception stops the replica at that command, since going on without it could make replicas differ; an operator patches or deletes the entry then.
    /// </summary>
    /// <returns>The answer to whoever proposed it, possibly empty.</returns>
    ReadOnlyMemory<byte> Apply(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> command);

    /// <summary>
    /// All commands of an entry were applied to this store, which is no other entry's: what was kept back of them, since the next one may have changed it again, is written now. Not called if one of
    /// them failed: nothing of the entry stays then. Called as well if no command of the entry came to the machine. A part of applying: as deterministic. Who wraps a machine passes it on.
    /// </summary>
    void Complete(IStoreTransaction store)
    {
    }

    /// <summary>A batch has been committed: whoever watches may look. In order, on the apply loop's thread, not to block; never for the same position twice in the life of one process.</summary>
    /// <param name="cursor">First position not applied yet.</param>
    void OnCommitted(long cursor)
    {
    }
}

/// <summary>What a command may know besides itself: the same on every replica.</summary>
/// <param name="Position">The log position of the entry that carries it.</param>
/// <param name="Index">Which of the entry's commands it is, from 0: with the position, its place in the order of all commands.</param>
/// <param name="Time">Log time: what the proposers' clocks said, never going back. Not the time of any one clock.</param>
/// <param name="Gates">Which features the cluster has committed to.</param>
public readonly record struct CommandContext(long Position, int Index, DateTimeOffset Time, FeatureGates Gates);
