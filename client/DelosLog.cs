using System.Diagnostics;
using Delos.Client.VirtualLogs;

namespace Delos.Client;

/// <summary>
/// A handle of one named log. Thread-safe; open one per log and process and keep it. "Sealed" and other matters of segments never show through it.
/// </summary>
public sealed class DelosLog : IAsyncDisposable
{
    private readonly ClientParts _parts;
    private readonly LogReader _reader;
    private readonly FollowerGroup _followers;
    private readonly Appender _appender;
    private int _disposed;

    internal DelosLog(string name, LogOptions logOptions, ClientParts parts)
    {
        Name = name;
        _parts = parts;
        Virtual = new VirtualLog(name, logOptions, parts.Options, parts.Chains, parts.Loglets, parts.Reconfigurer, parts.Logger);
        var decoder = new EntryDecoder(logOptions);
        _reader = new LogReader(Virtual, decoder, parts.Options);
        _followers = new FollowerGroup(Virtual, new LogFollower(Virtual, decoder, parts.Options), parts.Options);
        _appender = new Appender(Virtual, parts.Loglets, parts.Options);
    }

    public string Name { get; }

    /// <summary>The handle's random client id: with the sequence it is the append id of every entry that it writes.</summary>
    public ulong ClientId => _appender.Client.ClientId;

    /// <summary>The newest version of the chain that this handle has seen; null: none yet. As long as it stays the same, what the handle appends and reads has not been edited as far as it can know.</summary>
    public ulong? KnownVersion => Virtual.Chains.Newest?.Version;

    /// <summary>The nodes that sequence the active segment of the newest chain that this handle has seen; more than one if the log is striped, none before the first chain.</summary>
    public IReadOnlyList<uint> KnownSequencers => Virtual.Chains.Newest?.Active.Loglet.SequencerNodes ?? [];

    internal VirtualLog Virtual { get; }

    /// <summary>
    /// Appends one entry exactly once and returns its position. Many may be outstanding; appends of one handle get positions in call order, unless the log is
    /// striped: there those under way at the same time get them in any order, and who needs an order waits for the one before. Past the limits of <see cref="DelosClientOptions.MaxInFlightAppends"/>
    /// and <see cref="DelosClientOptions.MaxInFlightBytes"/> the append waits its turn.
    /// </summary>
    /// <param name="payload">Must not change before the append is answered; it is normally copied before the call returns, but not when the append has to wait.</param>
    /// <param name="cancellationToken">Ends the wait, not the append: unless it was still waiting for its turn, it may be in the log.</param>
    /// <exception cref="DelosException">
    /// LimitExceeded, DiskFull, Unavailable (nothing was sent), Closed: not in the log. OutcomeUnknown: it may be.
    /// </exception>
    public ValueTask<long> AppendAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        _parts.Options.TraceAppends && Telemetry.Source.HasListeners() ? AppendTracedAsync(payload, cancellationToken) : _appender.AppendAsync(payload, cancellationToken);

    /// <summary>Appends several entries, in the order of <see cref="AppendAsync"/>, each exactly once (not atomically: others' entries may lie between), and returns their positions.</summary>
    /// <exception cref="DelosException">Of the first that failed; others may be in the log.</exception>
    public async ValueTask<long[]> AppendBatchAsync(IReadOnlyList<ReadOnlyMemory<byte>> payloads, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(payloads);
        return await _appender.AppendAllAsync(payloads, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The first position above every append acknowledged before the call, linearizable.</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public async ValueTask<long> CheckTailAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        using var activity = Start("checkTail");
        return await Virtual.CheckTailAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The lowest position that may still be read: everything below was trimmed.</summary>
    public ValueTask<long> FirstPositionAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return _reader.FirstPositionAsync(cancellationToken);
    }

    /// <summary>The entries of [from, until), ending early at the tail as it was when the call began.</summary>
    /// <exception cref="DelosException">Trimmed, if <paramref name="from"/> or what follows was trimmed. Corrupt, Unavailable.</exception>
    public IAsyncEnumerable<LogEntry> ReadAsync(long from, long until = long.MaxValue, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        return _reader.ReadAsync(from, until, cancellationToken);
    }

    /// <summary>
    /// The entries from <paramref name="from"/> on, then new ones as they are committed, until cancelled. Survives reconfigurations and the death of nodes, and waits for as long as it takes. Many may follow by one handle:
    /// those at the tail share a subscription, and none holds up another.
    /// </summary>
    /// <exception cref="DelosException">Trimmed.</exception>
    public IAsyncEnumerable<LogEntry> FollowAsync(long from, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        return new EntriesOfBatches(_followers.FollowAsync(from, cancellationToken));
    }

    /// <summary>
    /// As <see cref="FollowAsync"/>, but several entries at once, as they arrive, and each time how far the log is known now: also past positions that hold no entry for readers. For whoever must know that it has caught up with a tail.
    /// </summary>
    /// <exception cref="DelosException">Trimmed.</exception>
    public IAsyncEnumerable<LogBatch> FollowBatchesAsync(long from, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        return _followers.FollowAsync(from, cancellationToken);
    }

    /// <summary>Gives up everything below <paramref name="position"/>; returns the point achieved, never above the tail.</summary>
    public async ValueTask<long> TrimAsync(long position, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        using var activity = Start("trim");
        return await Virtual.TrimAsync(position, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits a while (<see cref="DelosClientOptions.CloseTimeout"/>) for unanswered appends, then closes; what is left fails with OutcomeUnknown.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _appender.DisposeAsync().ConfigureAwait(false);
        await Virtual.DisposeAsync().ConfigureAwait(false);
        _parts.Forget(this);
    }

    private async ValueTask<long> AppendTracedAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        using var activity = Start("append");
        var position = await _appender.AppendAsync(payload, cancellationToken).ConfigureAwait(false);
        activity?.SetTag("delos.position", position);
        return position;
    }

    private Activity? Start(string operation)
    {
        var activity = Telemetry.Source.StartActivity(operation, ActivityKind.Client);
        activity?.SetTag("delos.log", Name);
        return activity;
    }

    private void ThrowIfDisposed()
    {
        if (Volatile.Read(ref _disposed) != 0) throw new DelosException(DelosErrorCode.Closed, "The log handle was disposed.");
    }
}
