using Delos.Client.MetaStore;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// The newest chain of one log that this process knows, and how it gets a newer one: from the MetaStore, or, when a sealed segment stays without successor, by extending the chain itself (trap 12).
/// A chain that is out of date does no harm: its active segment answers "sealed". Thread-safe.
/// </summary>
internal sealed class ChainView(string log, LogOptions logOptions, DelosClientOptions options, ChainStore chains, Reconfigurer reconfigurer, ILogger logger)
    : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, (SuccessorSearch Search, Task<bool> Effort)> _successors = [];
    private readonly List<Task> _leftBehind = [];
    private readonly CancellationTokenSource _closed = new();
    private Chain? _newest;
    private Task<Chain>? _loading;
    private long _readAt;
    private long _installedAfter;

    /// <summary>A newer chain than any before; on any thread, not to block.</summary>
    public event Action<Chain>? Changed;

    public string Log => log;

    public Chain? Newest => Volatile.Read(ref _newest);

    /// <summary>At most so long ago was the newest chain installed: this process read an older one from the MetaStore not before. Very long if it never did.</summary>
    public TimeSpan NewestAge
    {
        get
        {
            lock (_lock) return _installedAfter == 0 ? TimeSpan.MaxValue : options.TimeProvider.GetElapsedTime(_installedAfter);
        }
    }

    public static bool IsActive(Chain chain, Segment segment) => chain.Active.InstallId == segment.InstallId;

    /// <summary>The newest chain known; reads, and if need be creates, the log at first.</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public ValueTask<Chain> GetAsync(CancellationToken cancellationToken)
    {
        if (Newest is { } chain) return new ValueTask<Chain>(chain);
        Task<Chain> loading;
        lock (_lock)
        {
            if (_loading is null or { IsFaulted: true } or { IsCanceled: true }) _loading = LoadAsync();
            loading = _loading;
        }

        return new ValueTask<Chain>(loading.WaitAsync(cancellationToken));
    }

    /// <summary>Reads the chain from the MetaStore: afterwards <see cref="Newest"/> is at least as new.</summary>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        var began = options.TimeProvider.GetTimestamp();
        var chain = await chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) ?? throw NotFound();
        Offer(chain);

        // The read was linearizable: whatever comes after its version was installed after it began.
        lock (_lock) _readAt = Math.Max(_readAt, began);
    }

    /// <summary>A chain that somebody learned of; returns the newest.</summary>
    public Chain Offer(Chain chain)
    {
        lock (_lock)
        {
            if (_newest is { } newest && newest.Version >= chain.Version) return newest;
            Volatile.Write(ref _newest, chain);
            _installedAfter = _readAt;
        }

        Changed?.Invoke(chain);
        return chain;
    }

    /// <summary>
    /// Ends when <see cref="Newest"/> is a chain in which <paramref name="segment"/> is not active any more. Waits for somebody else to install it (normally a segment monitor), after a while extends the chain itself, and does not
    /// give up. Everybody who waits for the same segment shares one such effort. False, unless it is sealed: the segment takes appends after all (<see cref="Withdraw"/>).
    /// </summary>
    public async ValueTask<bool> AwaitSuccessorAsync(Segment segment, string cause, bool isSealed, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Newest is { } chain && !IsActive(chain, segment)) return true;
            Task<bool> effort;
            lock (_lock)
            {
                if (!_successors.TryGetValue(segment.InstallId, out var running))
                {
                    var search = new SuccessorSearch(this, segment, cause, reconfigurer, options, logger, _closed.Token);
                    _successors[segment.InstallId] = running = (search, FindSuccessorAsync(segment, search));
                }

                if (isSealed) running.Search.NoteSealed();
                effort = running.Effort;
            }

            if (await effort.WaitAsync(cancellationToken).ConfigureAwait(false)) return true;
            if (!isSealed) return false;
        }
    }

    /// <summary>An append that was sent again was acknowledged by the segment: whoever looks for its successor, since its sequencer was out of reach, need not go on, and must not seal it.</summary>
    public void Withdraw(Segment segment)
    {
        lock (_lock)
        {
            if (_successors.TryGetValue(segment.InstallId, out var running)) running.Search.Withdraw();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_lock)
        {
            _closed.Cancel();
            running = [.. _successors.Values.Select(s => s.Effort), .. _loading is null ? [] : new[] { _loading }];
        }

        foreach (var task in running) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock) running = [.. _leftBehind];
        foreach (var task in running) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closed.Dispose();
    }

    private DelosException NotFound() => new(DelosErrorCode.NotFound, $"There is no log '{log}'.");

    private async Task<Chain> LoadAsync()
    {
        var patience = new Patience($"Reading the chain of log '{log}'", options.OperationTimeout, options.TimeProvider);
        while (true)
        {
            try
            {
                if (await chains.ReadAsync(log, _closed.Token).ConfigureAwait(false) is { } chain) return Offer(chain);
                if (!logOptions.CreateIfMissing) throw NotFound();
                return Offer((await reconfigurer.CreateAsync(log, logOptions.Policy, _closed.Token).ConfigureAwait(false)).Chain);
            }
            catch (Exception e) when (Patience.IsWorthRetrying(e, _closed.Token))
            {
                await patience.PauseAsync(e, _closed.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> FindSuccessorAsync(Segment segment, SuccessorSearch search)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            return await search.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _successors.Remove(segment.InstallId);
                _leftBehind.RemoveAll(static t => t.IsCompleted);
                _leftBehind.Add(search.Rolling);
            }
        }
    }
}
