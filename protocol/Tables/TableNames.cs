namespace Delos.Protocol.Tables;

/// <summary>Names of tables, columns and indexes: a letter or underscore, then letters, digits, underscores, hyphens and dots, all ASCII; upper and lower case differ.</summary>
public static class TableNames
{
    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > TableLimits.NameBytes || !(char.IsAsciiLetter(name[0]) || name[0] == '_')) return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.')) return false;
        }

        return true;
    }
}
