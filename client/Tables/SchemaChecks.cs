using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Whether what a client wants to create is possible.</summary>
internal static class SchemaChecks
{
    public static TableReply? CheckName(string what, string name) =>
        TableNames.IsValid(name) ? null : Refusals.Invalid($"'{Refusals.Show(name)}' is no name for {what}: 1 to {TableLimits.NameBytes} ASCII letters, digits and _ - . beginning with a letter or _");

    public static TableReply? CheckColumn(ColumnDefinition column)
    {
        if (CheckName("a column", column.Name) is { } refusal) return refusal;
        return column.Default.Span.Length > TableLimits.DefaultBytes ? Refusals.TooLarge($"the default of column '{column.Name}' has {column.Default.Span.Length} bytes, at most {TableLimits.DefaultBytes} are possible") : null;
    }

    /// <summary>The columns of a primary key or index: each known, none twice, neither none nor too many.</summary>
    public static TableReply? CheckKey(string what, IReadOnlyList<string> names, Func<string, bool> isColumn)
    {
        if (names.Count is 0 or > TableLimits.KeyColumns) return Refusals.Invalid($"{what} has 1 to {TableLimits.KeyColumns} columns, not {names.Count}");
        for (var i = 0; i < names.Count; i++)
        {
            if (!isColumn(names[i])) return TableReply.Refused(TableStatus.UnknownColumn, $"{what} names column '{Refusals.Show(names[i])}', which the table does not have");
            for (var j = 0; j < i; j++)
            {
                if (names[j] == names[i]) return Refusals.Invalid($"{what} names column '{names[i]}' twice");
            }
        }

        return null;
    }

    public static TableReply? CheckSettings(TableSettings settings) => settings.Problem is { } problem ? Refusals.Invalid(problem) : null;
}
