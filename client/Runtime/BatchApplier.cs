using Delos.Client;

namespace Delos.Runtime;

/// <summary>Applies what a follower of the log brings; without log, clock or thread, as the core that it feeds.</summary>
internal static class BatchApplier
{
    /// <summary>All of a batch in one transaction, with the cursor; or all in front of a poisonous entry. What the core has applied already is passed over.</summary>
    public static AppliedBatch Apply(RuntimeCore core, ILocalStore store, LogBatch batch)
    {
        var answers = new List<AppliedProposal>();
        PoisonousEntry? poison = null;
        using var transaction = store.Begin();
        foreach (var entry in batch.Entries)
        {
            if (entry.Position < core.Next) continue;
            if (core.Apply(transaction, entry.Position, entry.Payload, (b, index, answer) => answers.Add(new AppliedProposal(b.Proposer, b.Number, index, entry.Position, answer))) is not { } error) continue;
            poison = new PoisonousEntry(entry.Position, error);
            break;
        }

        if (poison is null) core.Advance(batch.Next);
        core.Commit(transaction);
        return new AppliedBatch(answers, poison);
    }
}

/// <summary>What came of a batch.</summary>
/// <param name="Answers">Of all proposals in it, in order, whoever made them.</param>
/// <param name="Poison">Where the replica stands; null: the whole batch is applied.</param>
internal sealed record AppliedBatch(IReadOnlyList<AppliedProposal> Answers, PoisonousEntry? Poison);

/// <summary>One proposal that was applied: whose it was, and what it came to.</summary>
internal readonly record struct AppliedProposal(ulong Proposer, ulong Number, int Index, long Position, Answer Answer);

/// <summary>An entry at which the state machine fails.</summary>
internal sealed record PoisonousEntry(long Position, Exception Error);
