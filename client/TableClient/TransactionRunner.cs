using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Runs a transaction until it commits. Each attempt reads at one node, the one that holds its snapshot; it commits through any.</summary>
internal static class TransactionRunner
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(250);

    public static ValueTask<T> RunAsync<T>(TableReads reads, TableWrites writes, int attempts, Func<TableTransaction, ValueTask<T>> body, CancellationToken cancellationToken)
    {
        var bound = new BoundReads(reads, writes);
        return OptimisticTransaction.RunAsync(
            bound,
            async (transaction, token) =>
            {
                try
                {
                    return await body(new TableTransaction(transaction, token)).ConfigureAwait(false);
                }
                finally
                {
                    bound.Release();
                }
            },
            attempts,
            (attempt, token) => PauseAsync(attempt, reads.TimeProvider, token),
            cancellationToken);
    }

    /// <summary>At random, and longer each time: of those that disturb each other one gets through.</summary>
    private static async ValueTask PauseAsync(int attempt, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        var most = Math.Min(s_longestPause.TotalMilliseconds, Math.Pow(2, Math.Min(attempt, 10)));
        await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * most), timeProvider, cancellationToken).ConfigureAwait(false);
    }
}
