namespace Delos.Client;

/// <summary>
/// A handle of one named log. Thread-safe; open one per log and process and keep it. "Sealed" and other matters of segments never show through it.
/// </summary>
public sealed class DelosLog : IAsyncDisposable
{
    internal DelosLog(string name) => Name = name;

    public string Name { get; }

    /// <summary>Appends one entry exactly once and returns its position. Many may be outstanding; appends of one handle get positions in call order.</summary>
    /// <param name="payload">Copied before the call returns.</param>
    /// <param name="cancellationToken">Ends the wait, not the append: its outcome is then unknown to the caller.</param>
    public ValueTask<long> AppendAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Appends several entries in order, each exactly once (not atomically: others' entries may lie between), and returns their positions.</summary>
    public ValueTask<long[]> AppendBatchAsync(IReadOnlyList<ReadOnlyMemory<byte>> payloads, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The first position above every append acknowledged before the call, linearizable.</summary>
    public ValueTask<long> CheckTailAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The lowest position that may still be read: everything below was trimmed.</summary>
    public ValueTask<long> FirstPositionAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The entries of [from, until), ending early at the tail as it was when the call began.</summary>
    /// <exception cref="DelosException">Trimmed, if <paramref name="from"/> or what follows was trimmed.</exception>
    public IAsyncEnumerable<LogEntry> ReadAsync(long from, long until = long.MaxValue, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The entries from <paramref name="from"/> on, then new ones as they are committed, until cancelled. Survives reconfigurations and the death of nodes.</summary>
    public IAsyncEnumerable<LogEntry> FollowAsync(long from, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Gives up everything below <paramref name="position"/>; returns the point achieved, never above the tail.</summary>
    public ValueTask<long> TrimAsync(long position, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
