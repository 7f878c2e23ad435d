using System.Runtime.CompilerServices;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>A watch: asks for changes after a position, and goes on from the position that the answer names, at whichever node. So there is no gap, and a node that lags has nothing yet.</summary>
internal static class ChangeWatcher
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    public static async IAsyncEnumerable<TableChange> WatchAsync(TableReads reads, string table, WatchOptions options, TableClientOptions times, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var tableId = 0u;
        if (options.After is not { } after)
        {
            var present = await AskAsync(reads, new DescribeTables(table), TableReadLevel.Linearizable, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            tableId = ((TablesResult)present.Result!).Tables[0].Schema.Id;
            after = present.Snapshot.Version;
        }

        while (true)
        {
            // A node that cannot say that it keeps up with the log is left, or a watch could stay with one that is cut off for ever.
            var reply = await AskAsync(reads, new ReadChanges(table, tableId, after, options.Bounds), TableReadLevel.Within(times.WatchWait), times.WatchWait, cancellationToken).ConfigureAwait(false);
            var changes = (ChangesResult)reply.Result!;
            tableId = changes.TableId;
            for (var i = 0; i < changes.Changes.Count; i++)
            {
                var change = changes.Changes[i];
                var isLast = i + 1 == changes.Changes.Count || changes.Changes[i + 1].Version != change.Version;
                yield return TableChange.Of(changes.Columns, change, isLast);
            }

            after = changes.Through;
        }
    }

    /// <summary>Whatever takes time, it waits; only what the tables refuse ends it.</summary>
    private static async ValueTask<QueryReply> AskAsync(TableReads reads, TableQuery query, TableReadLevel level, TimeSpan wait, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var answer = await reads.AskAsync(query, level, TableHold.None, wait, cancellationToken).ConfigureAwait(false);
                return answer.Reply.IsOk ? answer.Reply : throw new TableException(answer.Reply.Status, answer.Reply.Message);
            }
            catch (DelosException e) when (e.IsTransient || e.Code == DelosErrorCode.LimitExceeded)
            {
                await Task.Delay(s_pause, reads.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
