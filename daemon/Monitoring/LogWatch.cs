using System.Net.Sockets;
using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

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
        var config = chain.Active.Loglet;
        var health = config.Parts.Select(p => (Part: p, Health: new SegmentHealth(p, parts.Options))).ToArray();
        var begun = parts.TimeProvider.GetTimestamp();
        var chainReadAt = begun;
        var sealedPause = parts.Options.SealedInterval;
        while (true)
        {
            using (var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
            {
                // What is noticed here must not wait for a node that says nothing.
                var examined = Task.WhenAll(health.Select(h => ExamineAsync(h.Part, h.Health, begun, enough, cancellationToken)));
                if (await Task.WhenAny(examined, _noticed.Task).ConfigureAwait(false) != examined) await enough.CancelAsync().ConfigureAwait(false);
                await examined.ConfigureAwait(false);
            }

            // A sealed segment mostly has its successor already: until that is known, nobody would notice if its sequencer died.
            var isSealed = health.Any(static h => h.Health.IsSealed);
            var spares = isSealed || health.All(static h => h.Health.Lost.Count == 0) ? [] : await LiveSparesAsync(config, cancellationToken).ConfigureAwait(false);
            var now = parts.TimeProvider.GetElapsedTime(begun);
            var verdicts = health.Select(h => h.Health.Judge(now, spares)).ToArray();
            var verdict = verdicts.FirstOrDefault(static v => v is { IsDown: true }) ?? verdicts.FirstOrDefault(static v => v is not null);
            if (verdict is not null || isSealed || parts.TimeProvider.GetElapsedTime(chainReadAt) >= parts.Options.ChainInterval)
            {
                chainReadAt = parts.TimeProvider.GetTimestamp();
                if (await parts.Chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) is { } newest && newest.Version > chain.Version)
                {
                    _chain = newest;
                    if (newest.Active.Loglet.Id != config.Id) return null;
                }

                if (verdict is not null) return verdict;
            }

            await PauseAsync(isSealed ? sealedPause : parts.Options.StatusInterval, cancellationToken).ConfigureAwait(false);

            // Less and less often: it may be one of many that wait for their turn.
            if (isSealed) sealedPause = sealedPause * 2 < parts.Options.StatusInterval ? sealedPause * 2 : parts.Options.StatusInterval;
        }
    }

    /// <summary>Asks all replicas of one part. Ends when all have answered or had their time, or when one is sealed, of any part, or something is noticed: the others' answers matter no more then.</summary>
    private async Task ExamineAsync(LogletConfig part, SegmentHealth health, long begun, CancellationTokenSource enough, CancellationToken cancellationToken)
    {
        await Task.WhenAll(part.Replicas.Select(ExamineReplicaAsync)).ConfigureAwait(false);

        async Task ExamineReplicaAsync(ReplicaId replica)
        {
            StatusReply? reply;
            try
            {
                (_, reply) = await AskAsync(part.Id, replica.NodeId, enough.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return;
            }

            bool isSealed;
            lock (health)
            {
                var now = parts.TimeProvider.GetElapsedTime(begun);
                if (reply is { } status) health.OnStatus(replica.NodeId, status.Status, status.IsSealed, now);
                else health.OnLost(replica.NodeId, now);
                isSealed = health.IsSealed;
            }

            if (isSealed) await enough.CancelAsync().ConfigureAwait(false);
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
            var rank = MonitorRank.Of(parts.Nodes.Current, parts.NodeId, log, n => n == verdict.Failed || !parts.Nodes.IsConnected(n));
            var delay = MonitorRank.Delay(rank, parts.Options.RankDelay, parts.Queue.Waiting, Random.Shared.NextDouble());
            parts.Logger.SegmentFailed(log, chain.Active.Loglet.Id, verdict.Reason, rank);
            if (delay > TimeSpan.Zero) await Task.Delay(delay, parts.TimeProvider, cancellationToken).ConfigureAwait(false);
            var result = await parts.Queue.RunAsync(() => parts.Reconfigurer.ExtendAsync(log, Request(chain, verdict), cancellationToken), cancellationToken).ConfigureAwait(false);
            _chain = result.Chain;
        }
        finally
        {
            parts.Queue.Leave();
        }
    }

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

    /// <summary>Null: no answer.</summary>
    private async Task<(uint Node, StatusReply? Reply)> AskAsync(LogletId loglet, uint node, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(parts.Options.StatusTimeout, parts.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var connection = await parts.Nodes.ConnectAsync(node, either.Token).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new Status(loglet), either.Token).ConfigureAwait(false);
            return (node, response.TryRead<StatusReply>(out var reply) ? reply : null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (node, null);
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
        {
            return (node, null);
        }
    }

    private async Task<uint[]> LiveSparesAsync(LogletConfig config, CancellationToken cancellationToken)
    {
        var spares = parts.Nodes.Current.Nodes.Where(n => (n.Roles & NodeRoles.LogServer) != 0 && !config.HasReplica(n.NodeId, n.DiskId)).ToArray();
        var answers = await Task.WhenAll(spares.Select(n => AskAsync(config.Id, n.NodeId, cancellationToken))).ConfigureAwait(false);
        return [.. answers.Where(a => a.Reply is not null).Select(a => a.Node)];
    }

    private TimeSpan RetryDelay(int failures)
    {
        var delay = parts.Options.FirstRetry * (1 << Math.Min(failures, 10));
        return delay < parts.Options.LastRetry ? delay : parts.Options.LastRetry;
    }
}
