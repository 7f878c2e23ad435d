using System.Runtime.CompilerServices;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// The pages of one scan. The node that gave the first one holds its snapshot until the last. If it is lost, others are asked for the same snapshot; if nobody has it, the scan begins anew, provided that no row was shown yet.
/// </summary>
internal static class PageReader
{
    public static async IAsyncEnumerable<ScanPage> ReadAsync(TableReads reads, string table, ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var left = options.Limit == 0 ? long.MaxValue : options.Limit;
        var shown = false;
        uint node = 0;
        byte[]? token = null;
        ViewHold hold = default;
        try
        {
            // The time runs anew with each page that is asked for, not with each attempt at it.
            var rounds = reads.Begin();
            while (true)
            {
                var query = options.ToQuery(table, token, left);
                var answer = token is null
                    ? await reads.AskAsync(rounds, query, options.Level, TableHold.Pages, TimeSpan.Zero, cancellationToken).ConfigureAwait(false)
                    : await reads.ContinueAsync(rounds, node, query, cancellationToken).ConfigureAwait(false);
                if (answer.Reply.Status == TableStatus.SnapshotExpired && token is not null && !shown)
                {
                    token = null;
                    continue;
                }

                if (answer.Reply.Result is not RowsResult rows) throw new TableException(answer.Reply.Status, answer.Reply.Message);
                node = answer.Node;
                if (token is null) hold = answer.Hold;
                token = rows.Token;
                left -= rows.Rows.Count;
                var isLast = left <= 0 || token.Length == 0;
                if (isLast) LetGo();
                var page = new VersionedRow[rows.Rows.Count];
                for (var i = 0; i < page.Length; i++) page[i] = VersionedRow.Of(rows.Columns, rows.Rows[i]!);
                shown |= page.Length > 0;
                yield return new ScanPage(answer.Reply.Snapshot, rows.Columns, page);
                if (isLast) yield break;
                rounds = reads.Begin();
            }
        }
        finally
        {
            LetGo();
        }

        void LetGo()
        {
            reads.Release(hold);
            hold = default;
        }
    }
}
