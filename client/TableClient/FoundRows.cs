using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>The rows of an answer to <see cref="GetRows"/>.</summary>
internal static class FoundRows
{
    /// <summary>One for each key, null where there is none.</summary>
    /// <param name="answer">The tables' answer.</param>
    /// <param name="keys">How many were asked for.</param>
    /// <exception cref="TableException">The query was refused.</exception>
    /// <exception cref="DelosException">Protocol: so many are not in it.</exception>
    public static VersionedRow?[] Of(in TableAnswer answer, int keys)
    {
        var found = TableClient.Expect<RowsResult>(answer.Reply);
        if (found.Rows.Count != keys) throw new DelosException(DelosErrorCode.Protocol, $"Node {answer.Node} was asked for {keys} rows and answered with {found.Rows.Count}.", node: answer.Node);
        var rows = new VersionedRow?[keys];
        for (var i = 0; i < rows.Length; i++) rows[i] = found.Rows[i] is { } row ? VersionedRow.Of(found.Columns, row) : null;
        return rows;
    }
}
