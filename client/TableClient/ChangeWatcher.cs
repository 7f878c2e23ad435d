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
            var present = Accepted(await AskAsync(reads, new DescribeTables(table), TableReadLevel.Linearizable, TimeSpan.Zero, cancellationToken).ConfigureAwait(false));
            tableId = ((TablesResult)present.Result!).Tables[0].Schema.Id;
            after = present.Snapshot.Version;
        }

        // Which table has the name, and whether there is one, only who has all of the log may say: others may lag behind its creation.
        for (var mustBeFresh = tableId == 0; ;)
        {
            // A node that cannot say that it keeps up with the log is left, or a watch could stay with one that is cut off for ever.
            var (level, wait) = mustBeFresh ? (TableReadLevel.Linearizable, TimeSpan.Zero) : (TableReadLevel.Within(times.WatchWait), times.WatchWait);
            var reply = await AskAsync(reads, new ReadChanges(table, tableId, after, options.Bounds), level, wait, cancellationToken).ConfigureAwait(false);
            if (!reply.IsOk && !mustBeFresh)
            {
                mustBeFresh = true;
                continue;
            }

            var changes = (ChangesResult)Accepted(reply).Result!;
            (tableId, mustBeFresh) = (changes.TableId, false);
            for (var i = 0; i < changes.Changes.Count; i++)
            {
                var change = changes.Changes[i];
                var isLast = i + 1 == changes.Changes.Count || changes.Changes[i + 1].Version != change.Version;
                yield return TableChange.Of(changes.Columns, change, isLast);
            }

            after = changes.Through;
        }
    }

    private static QueryReply Accepted(QueryReply reply) => reply.IsOk ? reply : throw new TableException(reply.Status, reply.Message);

    /// <summary>Whatever takes time, it waits; a refusal is an answer.</summary>
    private static async ValueTask<QueryReply> AskAsync(TableReads reads, TableQuery query, TableReadLevel level, TimeSpan wait, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return (await reads.AskAsync(query, level, TableHold.None, wait, cancellationToken).ConfigureAwait(false)).Reply;
            }
            catch (DelosException e) when (e.IsTransient || e.Code == DelosErrorCode.LimitExceeded)
            {
                await Task.Delay(s_pause, reads.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
