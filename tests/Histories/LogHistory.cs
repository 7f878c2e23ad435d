using System.Collections.Concurrent;
using Delos.Protocol.Entries;

namespace Delos.Tests.Histories;

/// <summary>What clients did to one log and saw of it. Threads record concurrently; <see cref="LogHistoryChecker"/> judges afterwards.</summary>
public sealed class LogHistory
{
    private long _clock;

    public ConcurrentBag<AppendRecord> Appends { get; } = [];

    /// <summary>Keys of appends that were refused for certain: they must never be in the log. Also among <see cref="Appends"/>, as incomplete.</summary>
    public ConcurrentBag<string> Refused { get; } = [];

    public ConcurrentBag<TailRecord> Tails { get; } = [];

    public ConcurrentBag<ReaderRecord> Readers { get; } = [];

    /// <summary>A step of the logical clock that orders invocations and completions of this process.</summary>
    public long Now() => Interlocked.Increment(ref _clock);
}

/// <summary>One append, by what its payload says of itself.</summary>
/// <param name="Key">Unique in the history; it is the payload's content.</param>
/// <param name="Invoked">Before the call.</param>
/// <param name="Completed">After it returned; null: it failed or never returned, the outcome is unknown.</param>
/// <param name="Position">Where it says that the entry is.</param>
public sealed record AppendRecord(string Key, long Invoked, long? Completed, long? Position);

/// <summary>One checkTail.</summary>
public sealed record TailRecord(long Invoked, long Completed, long Tail);

/// <summary>All that one reader read, in the order in which it came.</summary>
public sealed record ReaderRecord(string Name, IReadOnlyList<ReadRecord> Entries);

public sealed record ReadRecord(long Position, AppendId Id, string Key);
