using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Predicates as they are written on the command line.</summary>
internal static class PredicateText
{
    /// <summary>Longer ones first: they begin with others.</summary>
    private static readonly (string Sign, PredicateOp Op)[] s_signs =
    [
        ("!=", PredicateOp.NotEqual), ("<=", PredicateOp.LessOrEqual), (">=", PredicateOp.GreaterOrEqual), ("^=", PredicateOp.StartsWith),
        ("=", PredicateOp.Equal), ("<", PredicateOp.Less), (">", PredicateOp.Greater),
    ];

    /// <exception cref="CommandException">It is none, or about no column of the table.</exception>
    public static ColumnPredicate Parse(TableSchema schema, string text)
    {
        var end = text.AsSpan().IndexOfAny("=<>!^?");
        if (end > 0)
        {
            var column = schema.FindColumn(text[..end]) ?? throw new CommandException(ExitCode.NotFound, $"table '{schema.Name}' has no column '{text[..end]}'");
            var rest = text[end..];
            if (rest == "?") return new ColumnPredicate(column.Name, PredicateOp.IsNull);
            if (rest == "!") return new ColumnPredicate(column.Name, PredicateOp.IsNotNull);
            foreach (var (sign, op) in s_signs)
            {
                if (rest.StartsWith(sign, StringComparison.Ordinal)) return new ColumnPredicate(column.Name, op, CellText.Parse(column, rest[sign.Length..]));
            }
        }

        throw new CommandException(ExitCode.Usage, $"--where: '{text}' is no predicate; write for instance age>=18, name^=An, mail? (no value) or mail! (a value)");
    }
}
