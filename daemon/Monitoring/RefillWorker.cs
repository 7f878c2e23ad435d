using System.Threading.Channels;
using Delos.Client.MetaStore;
using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Monitoring;

/// <summary>
/// Runs on every LogServer and fetches from the other replicas what this one lacks (DESIGN §3, LogServer rules 5 and 6): all of a segment that was sealed while the node was away, damaged ranges, and
/// of the active segment what its sequencer does not send again. One copy at a time, at a bounded rate.
/// </summary>
internal sealed class RefillWorker : IAsyncDisposable
{
    private readonly LogServerService _logServer;
    private readonly ChainStore _chains;
    private readonly NodeDirectory _nodes;
    private readonly NodeIdentity _me;
    private readonly RefillOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PeerReader _peers;
    private readonly Channel<bool> _noticed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<LogletId, (long Tail, long Since)> _open = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _run;

    public RefillWorker(LogServerService logServer, ChainStore chains, NodeDirectory nodes, NodeIdentity me, RefillOptions options, TimeProvider time, ILogger logger)
    {
        _logServer = logServer;
        _chains = chains;
        _nodes = nodes;
        _me = me;
        _options = options;
        _time = time;
        _logger = logger;
        _peers = new PeerReader(nodes, me.NodeId, options, time);
        _logServer.LaggardNoticed += OnLaggard;
        _run = RunAsync(_stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        _logServer.LaggardNoticed -= OnLaggard;
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private void OnLaggard(LogletId loglet) => _noticed.Writer.TryWrite(true);

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var begun = _time.GetTimestamp();
                var lacking = await _chains.ListLogsAsync(cancellationToken).ConfigureAwait(false);
                do
                {
                    lacking = await RefillEachAsync(lacking, cancellationToken).ConfigureAwait(false);
                }
                while (lacking.Count > 0 && _time.GetElapsedTime(begun) < _options.Interval);
                if (lacking.Count == 0) await PauseAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is MetaStoreUnavailableException or InvalidDataException or ConnectionLostException or DelosProtocolException)
            {
                _logger.RefillWaits(e.Message);
                await Task.Delay(_options.OpenGrace, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e)
            {
                _logger.MonitoringFailed(e, "Refilling");
                await Task.Delay(_options.Interval, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>
    /// At most one copy for each log, its most urgent one: the old segments of one log do not come before the newest of another, and after each copy a chain may have grown by a segment that is more urgent
    /// than the rest. Returns the logs of which something was copied.
    /// </summary>
    private async Task<IReadOnlyList<string>> RefillEachAsync(IReadOnlyList<string> logs, CancellationToken cancellationToken)
    {
        var copied = new List<string>();
        foreach (var log in logs)
        {
            try
            {
                if (await _chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) is { } chain && await RefillMostUrgentAsync(log, chain, cancellationToken).ConfigureAwait(false)) copied.Add(log);
            }
            catch (InvalidDataException e)
            {
                // A chain that this version does not understand: no reason not to help the other logs.
                _logger.RefillWaits(e.Message);
            }
        }

        return copied;
    }

    /// <summary>Until the next pass is due, or a replica was noticed to lag; that is told again and again while it lasts, so never less than the grace of open replicas.</summary>
    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(_options.OpenGrace, _time, cancellationToken).ConfigureAwait(false);
        using var over = new CancellationTokenSource(_options.Interval, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        try
        {
            await _noticed.Reader.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The interval is over.
        }
    }

    /// <summary>
    /// Newest segment first: as long as this node lacks much of the active one, the loss of another node would make whoever seals it copy that much before the log can go on. True if something was copied.
    /// </summary>
    private async Task<bool> RefillMostUrgentAsync(string log, Chain chain, CancellationToken cancellationToken)
    {
        foreach (var part in chain.Segments.Reverse().SelectMany(static s => s.Parts))
        {
            if (!part.Loglet.HasReplica(_me.NodeId, _me.DiskId)) continue;
            var replica = _logServer.GetReplica(part.Loglet.Id);
            if (RefillPlan.Make(part, replica) is not { } plan)
            {
                _open.Remove(part.Loglet.Id);
                continue;
            }

            if (plan.Stop is null && plan.Damaged.Count == 0 && !StoodStill(plan)) continue;
            _open.Remove(part.Loglet.Id);
            if (await RefillAsync(log, plan, cancellationToken).ConfigureAwait(false) > 0) return true;
        }

        return false;
    }

    /// <summary>True if the open replica did not move since an earlier pass: its sequencer does not help it.</summary>
    private bool StoodStill(RefillPlan plan)
    {
        if (!_open.TryGetValue(plan.Config.Id, out var seen) || seen.Tail != plan.From)
        {
            _open[plan.Config.Id] = (plan.From, _time.GetTimestamp());
            return false;
        }

        return _time.GetElapsedTime(seen.Since) >= _options.OpenGrace;
    }

    /// <summary>Returns the number of entries copied.</summary>
    private async Task<long> RefillAsync(string log, RefillPlan plan, CancellationToken cancellationToken)
    {
        var id = plan.Config.Id;
        if (plan.MustSeal && await _logServer.SealAsync(plan.Config).WaitAsync(cancellationToken).ConfigureAwait(false) is var status and not StatusCode.Ok)
        {
            _logger.RefillStuck(log, id, plan.From, $"it cannot be sealed here ({status})");
            return 0;
        }

        var begun = _time.GetTimestamp();
        var copied = new CopyCount();
        if (await CopyAllAsync(log, plan, copied, cancellationToken).ConfigureAwait(false)
            && plan is { HasHiddenTail: true, Stop: { } stop } && !_logServer.TailFound(id, stop)) _logger.RefillStuck(log, id, stop, "its end is still hidden by damage");
        if (copied.Entries > 0) _logger.RefillDone(log, id, copied.Entries, copied.Bytes, _time.GetElapsedTime(begun));
        return copied.Entries;
    }

    private async Task<bool> CopyAllAsync(string log, RefillPlan plan, CopyCount copied, CancellationToken cancellationToken)
    {
        var id = plan.Config.Id;
        var from = _logServer.GetReplica(id)?.DurableTail ?? plan.From;
        if (from < plan.To)
        {
            _logger.RefillBegun(log, id, from, plan.To);
            if (!await CopyTailAsync(log, plan, from, copied, cancellationToken).ConfigureAwait(false)) return false;
        }

        foreach (var range in plan.Damaged)
        {
            _logger.RefillBegun(log, id, range.First, range.End);
            if (!await PatchAsync(log, plan, range, copied, cancellationToken).ConfigureAwait(false)) return false;
        }

        return true;
    }

    private async Task<bool> CopyTailAsync(string log, RefillPlan plan, long from, CopyCount copied, CancellationToken cancellationToken)
    {
        var retries = 0;
        for (var position = from; position < plan.To;)
        {
            using var chunk = await _peers.ReadAsync(plan.Config, position, plan.To, plan.Bound, cancellationToken).ConfigureAwait(false);
            if (chunk.Status == StatusCode.Trimmed && chunk.First > position)
            {
                // What was trimmed everywhere is not needed: the tail jumps there (rule 7).
                position = Math.Min(chunk.First, plan.To);
                if (!await TrimAsync(log, plan, position, cancellationToken).ConfigureAwait(false)) return false;
                continue;
            }

            if (chunk.Status != StatusCode.Ok || chunk.Entries is null || chunk.First != position)
            {
                _logger.RefillStuck(log, plan.Config.Id, position, chunk.Status == StatusCode.Ok ? "the peers have nothing there" : chunk.Problem);
                return false;
            }

            var status = await _logServer.RefillAsync(plan.Config.Id, chunk.First, chunk.Entries, chunk.Count).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (status == StatusCode.OutOfOrder && retries++ < 3)
            {
                // Its sequencer, or another observer's repair, was at work too.
                position = _logServer.GetReplica(plan.Config.Id)?.DurableTail ?? position;
                continue;
            }

            if (status != StatusCode.Ok)
            {
                _logger.RefillStuck(log, plan.Config.Id, position, $"storing it failed ({status})");
                return false;
            }

            position += chunk.Count;
            await CountAsync(copied, chunk, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<bool> PatchAsync(string log, RefillPlan plan, PositionRange range, CopyCount copied, CancellationToken cancellationToken)
    {
        for (var position = range.First; position < range.End;)
        {
            using var chunk = await _peers.ReadAsync(plan.Config, position, range.End, plan.Bound, cancellationToken).ConfigureAwait(false);
            if (chunk.Status == StatusCode.Trimmed && chunk.First > position) return await TrimAsync(log, plan, Math.Min(chunk.First, plan.Bound), cancellationToken).ConfigureAwait(false);
            var status = chunk is { Status: StatusCode.Ok, Entries: not null } && chunk.First == position
                ? await _logServer.PatchAsync(plan.Config.Id, chunk.First, chunk.Entries, chunk.Count).WaitAsync(cancellationToken).ConfigureAwait(false)
                : chunk.Status;
            if (status != StatusCode.Ok || chunk.Entries is null)
            {
                _logger.RefillStuck(log, plan.Config.Id, position, chunk.Problem.Length > 0 ? chunk.Problem : $"patching it failed ({status})");
                return false;
            }

            position += chunk.Count;
            await CountAsync(copied, chunk, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>By the ordinary request, to this node itself.</summary>
    private async Task<bool> TrimAsync(string log, RefillPlan plan, long position, CancellationToken cancellationToken)
    {
        var connection = await _nodes.ConnectAsync(_me.NodeId, cancellationToken).ConfigureAwait(false);
        using var response = await connection.RequestAsync(new Trim(plan.Config.Id, position, plan.Bound), cancellationToken).ConfigureAwait(false);
        if (response.TryRead<TrimReply>(out var reply) && reply.Status == StatusCode.Ok && reply.TrimPoint >= position) return true;
        _logger.RefillStuck(log, plan.Config.Id, position, $"trimming it failed ({reply.Status})");
        return false;
    }

    private async Task CountAsync(CopyCount copied, PeerChunk chunk, CancellationToken cancellationToken)
    {
        var bytes = chunk.Entries!.Length;
        copied.Entries += chunk.Count;
        copied.Bytes += bytes;
        Metrics.RefilledEntries.Add(chunk.Count);
        Metrics.RefilledBytes.Add(bytes);
        var pause = TimeSpan.FromSeconds((double)bytes / _options.BytesPerSecond);
        if (pause >= TimeSpan.FromMilliseconds(1)) await Task.Delay(pause, _time, cancellationToken).ConfigureAwait(false);
    }

    private sealed class CopyCount
    {
        public long Entries { get; set; }

        public long Bytes { get; set; }
    }
}
