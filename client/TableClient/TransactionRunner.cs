using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Runs a transaction until it commits. Each attempt reads at one node, the one that holds its snapshot; it commits through any.</summary>
internal static class TransactionRunner
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(250);

    public static async ValueTask<T> RunAsync<T>(TableReads reads, TableWrites writes, int attempts, Func<TableTransaction, ValueTask<T>> body, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var bound = new BoundReads(reads, writes);
            try
            {
                var transaction = new TableTransaction(new OptimisticTransaction(bound), cancellationToken);
                var result = await body(transaction).ConfigureAwait(false);
                var reply = await transaction.CommitAsync().ConfigureAwait(false);
                return reply.IsOk ? result : throw new TableException(reply.Status, reply.Message, reply);
            }
            catch (TableException e) when (TableException.IsTransient(e.Status) && attempt < attempts)
            {
                // Below.
            }
            finally
            {
                bound.Release();
            }

            // At random, and longer each time: of those that disturb each other one gets through.
            var most = Math.Min(s_longestPause.TotalMilliseconds, Math.Pow(2, Math.Min(attempt, 10)));
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * most), reads.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }
}
