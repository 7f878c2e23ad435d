using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// One log's address space over its chain of Loglets: tail and trim here, reading in <see cref="LogReader"/>, following in <see cref="FollowerGroup"/>, appending in <see cref="Appender"/>. That a segment is sealed never shows through (trap 4). Thread-safe.
/// </summary>
internal sealed class VirtualLog : IAsyncDisposable
{
    private readonly DelosClientOptions _options;
    private readonly Reconfigurer _reconfigurer;

    public VirtualLog(string name, LogOptions logOptions, DelosClientOptions options, ChainStore chains, ILogletFactory loglets, Reconfigurer reconfigurer, ILogger logger)
    {
        _options = options;
        Name = name;
        Logger = logger;
        Chains = new ChainView(name, logOptions, options, chains, reconfigurer, logger);
        Loglets = new LogletSet(loglets);
        Chains.Changed += Loglets.Keep;
        _reconfigurer = reconfigurer;
        reconfigurer.ChainInstalled += OnInstalled;
    }

    public string Name { get; }

    public ILogger Logger { get; }

    public ChainView Chains { get; }

    public LogletSet Loglets { get; }

    public Patience Patience(string what) => new($"{what} (log '{Name}')", _options.OperationTimeout, _options.TimeProvider);

    /// <summary>Linearizable: confirmed by the active segment's Loglet while it was open; the tail of a sealed one is never the answer, whoever computed it.</summary>
    public async ValueTask<long> CheckTailAsync(CancellationToken cancellationToken)
    {
        var patience = Patience("checkTail");
        var chain = await Chains.GetAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            Exception? problem = null;
            try
            {
                var segment = chain.Active;
                var result = await Loglets.Get(segment.Loglet).CheckTailAsync(cancellationToken).ConfigureAwait(false);
                if (!result.IsSealed) return segment.Start + result.Tail;
                await AwaitSuccessorAsync(segment, "sealed", isSealed: true, cancellationToken).ConfigureAwait(false);
                chain = Chains.Newest ?? chain;
                continue;
            }
            catch (Exception e) when (VirtualLogs.Patience.IsWorthRetrying(e, cancellationToken))
            {
                problem = e;
            }

            await patience.PauseAsync(problem, cancellationToken).ConfigureAwait(false);
            chain = await TryRefreshAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Trims Loglet by Loglet, oldest first, each at most to its stop, the active one at most to its tail; stops where one gives up less than asked (trap 18).
    /// </summary>
    public async ValueTask<long> TrimAsync(long position, CancellationToken cancellationToken)
    {
        var patience = Patience("trim");
        while (true)
        {
            try
            {
                var tail = await CheckTailAsync(cancellationToken).ConfigureAwait(false);
                var chain = await Chains.GetAsync(cancellationToken).ConfigureAwait(false);
                var target = Math.Min(position, tail);
                var achieved = chain.Start;
                foreach (var segment in chain.Segments)
                {
                    if (target <= segment.Start) break;

                    // The tail was confirmed on this or an earlier active segment: it lies at or below every later stop, so the bound holds either way.
                    var end = segment.Stop ?? Math.Max(tail, segment.Start);
                    var wanted = Math.Min(target, end) - segment.Start;
                    if (wanted > 0) achieved = segment.Start + await Loglets.Get(segment.Loglet).TrimAsync(wanted, end - segment.Start, cancellationToken).ConfigureAwait(false);
                    else achieved = segment.Start;
                    if (achieved < segment.Start + wanted) return achieved;
                }

                return achieved;
            }
            catch (Exception e) when (VirtualLogs.Patience.IsWorthRetrying(e, cancellationToken))
            {
                await patience.PauseAsync(e, cancellationToken).ConfigureAwait(false);
                await TryRefreshAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits within the operation's limits. False: see <see cref="ChainView.AwaitSuccessorAsync"/>.</summary>
    public async ValueTask<bool> AwaitSuccessorAsync(Segment segment, string cause, bool isSealed, CancellationToken cancellationToken)
    {
        try
        {
            return await Chains.AwaitSuccessorAsync(segment, cause, isSealed, cancellationToken).AsTask().WaitAsync(_options.OperationTimeout, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new DelosException(
                DelosErrorCode.Unavailable, $"Log '{Name}' has had no open segment for {_options.OperationTimeout.TotalSeconds:0.#} s: nobody could install a successor of Loglet {segment.Loglet.Id}.", e);
        }
    }

    /// <summary>The chain read anew, or the newest known if the MetaStore does not answer.</summary>
    public async ValueTask<Chain> TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Chains.RefreshAsync(cancellationToken).ConfigureAwait(false);
            return Chains.Newest!;
        }
        catch (MetaStoreUnavailableException e) when (Chains.Newest is not null)
        {
            Logger.ChainNotRefreshed(Name, e.Message);
            return Chains.Newest;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _reconfigurer.ChainInstalled -= OnInstalled;
        Chains.Changed -= Loglets.Keep;
        await Chains.DisposeAsync().ConfigureAwait(false);
        await Loglets.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>This very process reconfigured the log: no need to poll for it.</summary>
    private void OnInstalled(string log, Chain chain)
    {
        if (log == Name) Chains.Offer(chain);
    }
}
