namespace Delos.Tests.Fuzzing;

/// <summary>Changes text the way people and editors do, with words that mean something where it is read.</summary>
internal static class TextMutator
{
    private static readonly string[] s_odd = ["\0", "\uFEFF", "\u2028", "\ud800", "é", "\t", "\r", "'", "\"", "%", "\\", "{0}", new string('9', 30), new string('x', 3000), "٣", "１"];

    public static string Mutate(FuzzRandom random, string text, IReadOnlyList<string> words)
    {
        for (var changes = random.OneIn(2) ? 1 : random.Between(2, 8); changes > 0; changes--) text = Change(random, text, words);
        return text;
    }

    private static string Change(FuzzRandom random, string text, IReadOnlyList<string> words)
    {
        var at = random.Next(text.Length + 1);
        var count = random.Next(Math.Min(text.Length - at, random.OneIn(3) ? text.Length : 8) + 1);
        switch (random.Next(9))
        {
            case 0 when at < text.Length:
                return $"{text[..at]}{(char)(text[at] ^ (1 << random.Next(7)))}{text[(at + 1)..]}";
            case 1:
                return text.Remove(at, count);
            case 2:
                return text.Insert(at, random.Pick(words));
            case 3:
                return text.Remove(at, count).Insert(at, random.Pick(words));
            case 4:
                return text.Insert(at, random.Pick(s_odd));
            case 5:
                return text.Insert(random.Next(text.Length + 1), text.Substring(at, count));
            case 6:
                return ReplaceNumber(random, text);
            case 7:
                return text[..at];
            default:
                var lines = text.Split('\n');
                var (a, b) = (random.Next(lines.Length), random.Next(lines.Length));
                (lines[a], lines[b]) = (lines[b], lines[a]);
                return string.Join('\n', lines);
        }
    }

    private static string ReplaceNumber(FuzzRandom random, string text)
    {
        var start = text.AsSpan(random.Next(text.Length + 1)).IndexOfAnyInRange('0', '9');
        if (start < 0) return text;
        start = text.AsSpan().IndexOfAnyInRange('0', '9');
        var digits = new List<int>();
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) && (i == 0 || !char.IsAsciiDigit(text[i - 1]))) digits.Add(i);
        }

        start = random.Pick(digits);
        var end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        var number = random.Next(4) switch
        {
            0 => "-" + random.Number(),
            1 => random.Number() + "." + random.Number(),
            2 => random.Number() + "0000000000",
            _ => random.Number().ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        return text[..start] + number + text[end..];
    }
}
