using Delos.Protocol.Entries;

namespace Delos.Tests.Histories;

/// <summary>
/// The promises of the log, held against a history: what was acknowledged is there, once, where it was said to be; every position has one value,
/// whoever reads it; positions follow real time; a tail is not below what was acknowledged before it was asked for.
/// </summary>
public static class LogHistoryChecker
{
    /// <summary>The violations in words; empty if the history is right. At most 20 of a kind are told.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="complete">The name of a reader that read the whole log after all appends had ended.</param>
    public static IReadOnlyList<string> Check(LogHistory history, string complete)
    {
        var violations = new Violations();
        var final = history.Readers.Single(r => r.Name == complete);
        var byPosition = CheckReaders(history, violations);
        CheckOnce(final, violations);
        CheckAcknowledged(history, final, violations);
        CheckKnownKeys(history, byPosition, violations);
        CheckRefused(history, byPosition, violations);
        CheckRealTime(history, violations);
        CheckTails(history, violations);
        return violations.Told;
    }

    private static Dictionary<long, (ReadRecord Entry, string Reader)> CheckReaders(LogHistory history, Violations violations)
    {
        var byPosition = new Dictionary<long, (ReadRecord Entry, string Reader)>();
        foreach (var reader in history.Readers)
        {
            var last = -1L;
            foreach (var entry in reader.Entries)
            {
                if (entry.Position <= last) violations.Add("order", $"{reader.Name} read position {entry.Position} after {last}");
                last = entry.Position;
                if (!byPosition.TryAdd(entry.Position, (entry, reader.Name)) && byPosition[entry.Position].Entry != entry)
                {
                    var (other, who) = byPosition[entry.Position];
                    violations.Add("two values", $"position {entry.Position}: {reader.Name} read {entry.Id} \"{entry.Key}\", {who} read {other.Id} \"{other.Key}\"");
                }
            }
        }

        return byPosition;
    }

    private static void CheckOnce(ReaderRecord final, Violations violations)
    {
        var ids = new Dictionary<AppendId, long>();
        var keys = new Dictionary<string, long>();
        foreach (var entry in final.Entries)
        {
            if (!ids.TryAdd(entry.Id, entry.Position)) violations.Add("append id twice", $"{entry.Id} at {ids[entry.Id]} and {entry.Position}");
            if (!keys.TryAdd(entry.Key, entry.Position)) violations.Add("payload twice", $"\"{entry.Key}\" at {keys[entry.Key]} and {entry.Position}");
        }
    }

    private static void CheckAcknowledged(LogHistory history, ReaderRecord final, Violations violations)
    {
        var read = final.Entries.GroupBy(e => e.Position).ToDictionary(g => g.Key, g => g.First());
        foreach (var append in history.Appends)
        {
            if (append.Position is not { } position) continue;
            if (!read.TryGetValue(position, out var entry)) violations.Add("lost", $"\"{append.Key}\" was acknowledged at {position}, which is not in the log");
            else if (entry.Key != append.Key) violations.Add("wrong value", $"\"{append.Key}\" was acknowledged at {position}, where \"{entry.Key}\" is");
        }
    }

    private static void CheckKnownKeys(LogHistory history, Dictionary<long, (ReadRecord Entry, string Reader)> byPosition, Violations violations)
    {
        var known = history.Appends.Select(a => a.Key).ToHashSet();
        foreach (var (entry, reader) in byPosition.Values)
        {
            if (!known.Contains(entry.Key)) violations.Add("from nowhere", $"{reader} read \"{entry.Key}\" at {entry.Position}, which nobody appended");
        }
    }

    private static void CheckRefused(LogHistory history, Dictionary<long, (ReadRecord Entry, string Reader)> byPosition, Violations violations)
    {
        var refused = history.Refused.ToHashSet();
        foreach (var (entry, reader) in byPosition.Values)
        {
            if (refused.Contains(entry.Key)) violations.Add("refused", $"{reader} read \"{entry.Key}\" at {entry.Position}, though its append was refused");
        }
    }

    private static void CheckRealTime(LogHistory history, Violations violations)
    {
        var completions = history.Appends.Where(a => a.Position is not null).OrderBy(a => a.Completed).ToList();
        var next = 0;
        AppendRecord? highest = null;
        foreach (var append in history.Appends.Where(a => a.Position is not null).OrderBy(a => a.Invoked))
        {
            for (; next < completions.Count && completions[next].Completed < append.Invoked; next++)
            {
                if (highest is null || completions[next].Position > highest.Position) highest = completions[next];
            }

            if (highest is not null && append.Position <= highest.Position)
            {
                violations.Add("real time", $"\"{append.Key}\" at {append.Position} was invoked after \"{highest.Key}\" had been acknowledged at {highest.Position}");
            }
        }
    }

    private static void CheckTails(LogHistory history, Violations violations)
    {
        var completions = history.Appends.Where(a => a.Position is not null).Select(a => (At: a.Completed, Tail: a.Position!.Value + 1, What: $"the append of \"{a.Key}\""))
            .Concat(history.Tails.Select(t => (At: (long?)t.Completed, t.Tail, What: "a checkTail")))
            .OrderBy(c => c.At).ToList();
        var next = 0;
        var floor = 0L;
        var because = "";
        foreach (var tail in history.Tails.OrderBy(t => t.Invoked))
        {
            for (; next < completions.Count && completions[next].At < tail.Invoked; next++)
            {
                if (completions[next].Tail <= floor) continue;
                floor = completions[next].Tail;
                because = completions[next].What;
            }

            if (tail.Tail < floor) violations.Add("stale tail", $"checkTail returned {tail.Tail} after {because} had told {floor}");
        }
    }
}
