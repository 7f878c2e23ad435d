namespace Delos.Daemon.Storage;

/// <summary>What a disk has done since the start. Read at any time, from any thread.</summary>
public sealed class StorageCounters
{
    private long _rounds;
    private long _roundTicks;
    private long _slowestRoundTicks;
    private long _records;
    private long _bytes;
    private long _freed;
    private long _damage;

    /// <summary>Commit rounds, each of one or several logs.</summary>
    public long CommitRounds => Interlocked.Read(ref _rounds);

    /// <summary>Time in commit rounds; divided by <see cref="CommitRounds"/>, the mean commit latency.</summary>
    public TimeSpan CommitTime => new(Interlocked.Read(ref _roundTicks));

    public TimeSpan SlowestCommit => new(Interlocked.Read(ref _slowestRoundTicks));

    public long RecordsAppended => Interlocked.Read(ref _records);

    /// <summary>Payload bytes appended.</summary>
    public long BytesAppended => Interlocked.Read(ref _bytes);

    /// <summary>Bytes of files that trims and deletions gave back.</summary>
    public long BytesFreed => Interlocked.Read(ref _freed);

    /// <summary>Damaged places found by recovery and by reads.</summary>
    public long DamageFound => Interlocked.Read(ref _damage);

    internal void RoundDone(TimeSpan took)
    {
        Interlocked.Increment(ref _rounds);
        Interlocked.Add(ref _roundTicks, took.Ticks);
        if (took.Ticks > _slowestRoundTicks) Volatile.Write(ref _slowestRoundTicks, took.Ticks);
    }

    internal void Appended(int bytes)
    {
        Interlocked.Increment(ref _records);
        Interlocked.Add(ref _bytes, bytes);
    }

    internal void Freed(long bytes) => Interlocked.Add(ref _freed, bytes);

    internal void Damaged() => Interlocked.Increment(ref _damage);
}
