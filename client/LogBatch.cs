namespace Delos.Client;

/// <summary>What a follower gets at once.</summary>
/// <param name="Entries">In order, possibly none. Not to be changed: several followers of one handle may have the same.</param>
/// <param name="Next">Where the log goes on: every entry below it was in this batch or an earlier one.</param>
public sealed record LogBatch(IReadOnlyList<LogEntry> Entries, long Next);
