namespace Delos.Daemon.Configuration;

/// <summary>Finds the valid name that somebody probably meant.</summary>
internal static class Nearest
{
    /// <summary><c>; did you mean '…'?</c>, or nothing when no candidate is near.</summary>
    public static string Suggest(string given, IEnumerable<string> candidates, string open = "'", string close = "'")
    {
        var nearest = Find(given, candidates);
        return nearest is null ? "" : $"; did you mean {open}{nearest}{close}?";
    }

    /// <summary>The candidate with the smallest edit distance; null if even that one has more than half its letters wrong.</summary>
    public static string? Find(string given, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var distance = Distance(given, candidate);
            if (distance >= bestDistance) continue;
            bestDistance = distance;
            best = candidate;
        }

        return best is not null && bestDistance <= Math.Max(2, best.Length / 2) ? best : null;
    }

    /// <summary>Levenshtein's edit distance.</summary>
    public static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++) row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
