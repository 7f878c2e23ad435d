using System.Text;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Operations of a transaction as they are written on the command line, one on a line.</summary>
internal static class OperationText
{
    public const string How =
        """
        An operation is one of
          put TABLE column=value …        writes the row
          insert TABLE column=value …     the same; there must be none with that key
          update TABLE column=value …     changes the columns named; the row must be there
          delete TABLE column=value …     the columns of the key are enough
          check TABLE column=value …      changes nothing
        and may end with: if CONDITION …, where a condition is exists, absent, version=V (as 'put', 'txn' and 'get --versions' print it; none stands for no row), or one as of 'scan --where'.
        Words with spaces stand in double quotes: "name=Ann Lee".
        """;

    /// <summary>The name of the table that a line is about.</summary>
    /// <exception cref="CommandException">It is no operation.</exception>
    public static string TableOf(IReadOnlyList<string> words) => words.Count >= 2 ? words[1] : throw new CommandException(ExitCode.Usage, $"'{string.Join(' ', words)}' is no operation; write for instance: put users id=1 name=Ann");

    /// <exception cref="CommandException">It is no operation, or not one of this table.</exception>
    public static TableOp Parse(TableSchema schema, IReadOnlyList<string> words)
    {
        var condition = 2;
        while (condition < words.Count && words[condition] != "if") condition++;
        var row = RowText.Parse(schema, words.Take(condition).Skip(2));
        Condition[] conditions = [.. words.Skip(condition + 1).Select(w => ParseCondition(schema, w))];
        if (condition < words.Count && conditions.Length == 0) throw new CommandException(ExitCode.Usage, $"nothing stands behind 'if' in '{string.Join(' ', words)}'");
        if (words[0] == "put") return TableOp.Put(schema.Name, row, default, conditions);
        if (words[0] == "insert") return new TableOp(OpKind.Insert, schema.Name, [], row, conditions, Expiry.Default);
        var (key, rest) = RowText.Split(schema, row);
        if (words[0] == "update") return TableOp.Update(schema.Name, key, rest, conditions);
        if (rest.Count > 0 && words[0] is "delete" or "check") throw new CommandException(ExitCode.Usage, $"{words[0]}: column '{rest[0].Column}' is not part of the key; conditions stand behind 'if'");
        return words[0] switch
        {
            "delete" => TableOp.Delete(schema.Name, key, conditions),
            "check" when conditions.Length > 0 => TableOp.Check(schema.Name, key, conditions),
            "check" => throw new CommandException(ExitCode.Usage, "check needs a condition: check users id=1 if exists"),
            _ => throw new CommandException(ExitCode.Usage, $"'{words[0]}' is none of put, insert, update, delete, check"),
        };
    }

    /// <summary>A line's words: spaces divide them, unless in double quotes; a backslash takes the next character as it is.</summary>
    /// <exception cref="CommandException">A quote is not closed.</exception>
    public static IReadOnlyList<string> Words(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (inWord, inQuotes) = (false, false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && i + 1 < line.Length && line[i + 1] is '"' or '\\' && inQuotes)
            {
                word.Append(line[++i]);
            }
            else if (c == '"')
            {
                (inQuotes, inWord) = (!inQuotes, true);
            }
            else if (char.IsWhiteSpace(c) && !inQuotes)
            {
                if (inWord) words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (inQuotes) throw new CommandException(ExitCode.Usage, $"a double quote is not closed in: {line}");
        if (inWord) words.Add(word.ToString());
        return words;
    }

    private static Condition ParseCondition(TableSchema schema, string text)
    {
        if (text == "exists") return Condition.Exists;
        if (text == "absent") return Condition.Absent;
        if (text.StartsWith("version=", StringComparison.Ordinal) && schema.FindColumn("version") is null) return VersionIs(VersionText.Parse(text["version=".Length..]));
        var predicate = PredicateText.Parse(schema, text);
        return Condition.On(predicate.Column, predicate.Op, predicate.Constant);
    }

    /// <summary>No row has the version of one that is not there.</summary>
    private static Condition VersionIs(RowVersion version) => version.IsNone ? Condition.Absent : Condition.VersionIs(version);
}
