using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Monitoring;

/// <summary>Watches the active segment of one log and extends the chain when the segment cannot go on.</summary>
internal sealed class LogWatch(string log, MonitorParts parts)
{
    private readonly SequencerWatch _sequencer = new(parts.Nodes, parts.Options, parts.TimeProvider);
    private volatile Chain? _chain;
    private volatile TaskCompletionSource _noticed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The Loglet, or the one of which it is a stripe, is being watched.</summary>
    public bool Watches(LogletId loglet) => _chain is { } chain && chain.Active.Loglet.Parts.Any(p => p.Id == loglet);

    /// <summary>Something happened to the active segment: look now.</summary>
    public void Notice() => _noticed.TrySetResult();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var failures = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                _chain ??= await parts.Chains.ReadAsync(log, cancellationToken).ConfigureAwait(false);
                if (_chain is not { } chain)
                {
                    // Its first version is not decided yet.
                    await Task.Delay(parts.Options.ChainInterval, parts.TimeProvider, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                var verdict = await UntilVerdictAsync(chain, cancellationToken).ConfigureAwait(false);
                if (verdict is not null) await ActAsync(chain, verdict, cancellationToken).ConfigureAwait(false);
                failures = 0;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DelosException or MetaStoreUnavailableException or InvalidDataException or ConnectionLostException or DelosProtocolException)
            {
                var delay = RetryDelay(failures++);
                parts.Logger.MonitorFailed(log, delay, e.Message);
                _chain = null;
                await Task.Delay(delay, parts.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e)
            {
                // A log that nobody watches any more would be worse than a fault that repeats itself in the log file.
                parts.Logger.MonitoringFailed(e, $"The watch of log '{log}'");
                _chain = null;
                await Task.Delay(parts.Options.LastRetry, parts.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Null: the chain changed, and is in <see cref="_chain"/>.</summary>
    private async Task<SegmentVerdict?> UntilVerdictAsync(Chain chain, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var replicas = WatchReplicasAsync(chain, stop.Token);
        var tasks = new List<Task> { replicas };
        foreach (var part in SequencersOf(chain.Active.Loglet)) tasks.Add(UntilGoneAsync(part, stop.Token));
        var first = await Task.WhenAny(tasks).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return await ((Task<SegmentVerdict?>)first).ConfigureAwait(false);
    }

    /// <summary>One stripe without sequencer, and no stripe is acknowledged any more.</summary>
    private async Task<SegmentVerdict?> UntilGoneAsync(LogletConfig part, CancellationToken cancellationToken) =>
        new(await _sequencer.UntilGoneAsync(part, cancellationToken).ConfigureAwait(false), part.SequencerNode, IsDown: true);

    /// <summary>A part for every process that sequences.</summary>
    private static IEnumerable<LogletConfig> SequencersOf(LogletConfig config) => config.Parts.Where(static p => p.SequencerNode != 0).DistinctBy(static p => (p.SequencerNode, p.Incarnation));

    private async Task<SegmentVerdict?> WatchReplicasAsync(Chain chain, CancellationToken cancellationToken)
    {
        await using var poll = new SegmentPoll(chain.Active.Loglet, parts, Notice);
        var chainReadAt = parts.TimeProvider.GetTimestamp();
        var sealedPause = parts.Options.SealedInterval;
        while (true)
        {
            await poll.AskAsync().ConfigureAwait(false);
            var wasSealed = poll.IsSealed;
            await PauseAsync(wasSealed ? sealedPause : parts.Options.StatusInterval, cancellationToken).ConfigureAwait(false);

            // Less and less often: it may be one of many that wait for their turn.
            if (wasSealed) sealedPause = sealedPause * 2 < parts.Options.StatusInterval ? sealedPause * 2 : parts.Options.StatusInterval;

            // A sealed segment mostly has its successor already: until that is known, nobody would notice if its sequencer died.
            var verdict = await poll.JudgeAsync().ConfigureAwait(false);
            if (verdict is not null || poll.IsSealed || parts.TimeProvider.GetElapsedTime(chainReadAt) >= parts.Options.ChainInterval)
            {
                chainReadAt = parts.TimeProvider.GetTimestamp();
                if (await parts.Chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) is { } newest && newest.Version > chain.Version)
                {
                    _chain = newest;
                    if (newest.Active.Loglet.Id != chain.Active.Loglet.Id) return null;
                }

                if (verdict is not null) return verdict;
            }
        }
    }

    private async Task PauseAsync(TimeSpan interval, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_noticed.Task, Task.Delay(interval, parts.TimeProvider, over.Token)).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (_noticed.Task.IsCompleted) _noticed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private async Task ActAsync(Chain chain, SegmentVerdict verdict, CancellationToken cancellationToken)
    {
        parts.Queue.Join();
        try
        {
            var rank = Rank(verdict);
            parts.Logger.SegmentFailed(log, chain.Active.Loglet.Id, verdict.Reason, rank);
            await UntilTurnAsync(rank, verdict, cancellationToken).ConfigureAwait(false);
            var result = await parts.Queue.RunAsync(() => parts.Reconfigurer.ExtendAsync(log, Request(chain, verdict), cancellationToken), cancellationToken).ConfigureAwait(false);
            _chain = result.Chain;
        }
        finally
        {
            parts.Queue.Leave();
        }
    }

    /// <summary>The monitor whose turn is before this one's may be gone with the same fault, and be found silent a moment after: its turn is not waited for any longer than until then.</summary>
    private async Task UntilTurnAsync(int rank, SegmentVerdict verdict, CancellationToken cancellationToken)
    {
        var begun = parts.TimeProvider.GetTimestamp();
        var random = Random.Shared.NextDouble();
        while (MonitorRank.Delay(rank, parts.Options.RankDelay, parts.Queue.Waiting, random) - parts.TimeProvider.GetElapsedTime(begun) is var left && left > TimeSpan.Zero)
        {
            // Many logs may wait, and for long.
            var pause = Math.Clamp(left.Ticks / 8, parts.Options.RankInterval.Ticks, parts.Options.RankInterval.Ticks * 25);
            await Task.Delay(TimeSpan.FromTicks(pause), parts.TimeProvider, cancellationToken).ConfigureAwait(false);
            rank = Rank(verdict);
        }
    }

    private int Rank(SegmentVerdict verdict) => MonitorRank.Of(parts.Nodes.Current, parts.NodeId, log, n => n == verdict.Failed || !parts.Nodes.IsConnected(n));

    /// <summary>The reconfigurer reads the chain first: whoever comes late finds another active segment, and does nothing (trap 14).</summary>
    private ExtendRequest Request(Chain chain, SegmentVerdict verdict) => new(chain.Active.Loglet.Id)
    {
        IsDown = verdict.IsDown,
        IsStillDown = verdict is { IsDown: true, Failed: not 0 } ? (took, stop) => IsStillDownAsync(chain.Active.Loglet, verdict.Failed, took, stop) : null,
        Hint = new PlacementHint { Former = chain.Active.Loglet, Avoid = verdict.Failed == 0 ? [] : [verdict.Failed] },
        Reason = verdict.Reason,
    };

    /// <summary>
    /// A node that was cut off finds every sequencer silent, and waits for the MetaStore's answer with that verdict in hand; when it is back within reach of both, the Loglets go on well, and must not be sealed for it.
    /// </summary>
    private async ValueTask<bool> IsStillDownAsync(LogletConfig config, uint failed, TimeSpan took, CancellationToken cancellationToken)
    {
        if (took < parts.Options.CutOffAfter) return true;
        foreach (var part in SequencersOf(config).Where(p => p.SequencerNode == failed))
        {
            if (await _sequencer.IsGoneAsync(part, cancellationToken).ConfigureAwait(false)) return true;
        }

        return false;
    }

    private TimeSpan RetryDelay(int failures)
    {
        var delay = parts.Options.FirstRetry * (1 << Math.Min(failures, 10));
        return delay < parts.Options.LastRetry ? delay : parts.Options.LastRetry;
    }
}
