using System.Net.Sockets;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Monitoring;

/// <summary>
/// Asks the replicas of an active segment for their state, and the spares while a replica is lost. Nobody is waited for: a node that says nothing holds up neither the others' next question nor what their answers tell.
/// </summary>
/// <param name="config">The segment's Loglet.</param>
/// <param name="parts">What all watches share.</param>
/// <param name="look">Called when there is something to look at, or to ask: a replica says for the first time that it is sealed, or owed an answer when it was to be asked.</param>
internal sealed class SegmentPoll(LogletConfig config, MonitorParts parts, Action look) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly long _begun = parts.TimeProvider.GetTimestamp();
    private readonly (LogletConfig Part, SegmentHealth Health)[] _parts = [.. config.Parts.Select(p => (p, new SegmentHealth(p, parts.Options)))];
    private readonly Dictionary<(LogletId Part, uint Node), Task> _asked = [];
    private readonly HashSet<(LogletId Part, uint Node)> _owing = [];
    private readonly HashSet<(LogletId Part, uint Node)> _askAgain = [];
    private Task<uint[]>? _spares;

    /// <summary>Some replica of some part said that it is sealed.</summary>
    public bool IsSealed
    {
        get
        {
            lock (_lock) return _parts.Any(static p => p.Health.IsSealed);
        }
    }

    /// <summary>Puts the question to all who do not owe an answer. Throws what went wrong with an earlier one, if it is a fault of this process.</summary>
    public async ValueTask AskAsync()
    {
        foreach (var (part, health) in _parts)
        {
            foreach (var replica in part.Replicas)
            {
                var key = (part.Id, replica.NodeId);
                if (_asked.TryGetValue(key, out var asked))
                {
                    if (Postpone(key, asked)) continue;
                    await asked.ConfigureAwait(false);
                }

                lock (_lock) _owing.Add(key);
                _asked[key] = AskReplicaAsync(part.Id, health, replica.NodeId);
            }
        }
    }

    /// <summary>By the answers so far; null: nothing to do. A segment that takes no appends comes before one that only lacks a replica.</summary>
    public async ValueTask<SegmentVerdict?> JudgeAsync()
    {
        var spares = await LiveSparesAsync().ConfigureAwait(false);
        lock (_lock)
        {
            var verdicts = _parts.Select(p => p.Health.Judge(parts.TimeProvider.GetElapsedTime(_begun), spares)).ToArray();
            return verdicts.FirstOrDefault(static v => v is { IsDown: true }) ?? verdicts.FirstOrDefault(static v => v is not null);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var asked in _asked.Values) await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_spares is not null) await ((Task)_spares).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    /// <summary>Whoever owes an answer is asked again once it has come: something may have happened since the question.</summary>
    private bool Postpone((LogletId, uint) key, Task asked)
    {
        lock (_lock)
        {
            if (asked.IsCompleted || !_owing.Contains(key)) return false;
            _askAgain.Add(key);
            return true;
        }
    }

    private async Task AskReplicaAsync(LogletId part, SegmentHealth health, uint node)
    {
        var reply = await AskAsync(part, node).ConfigureAwait(false);
        bool isNews;
        lock (_lock)
        {
            var now = parts.TimeProvider.GetElapsedTime(_begun);
            var wasSealed = health.IsSealed;
            if (reply is { } status) health.OnStatus(node, status.Status, status.IsSealed, now);
            else health.OnLost(node, now);
            _owing.Remove((part, node));
            isNews = _askAgain.Remove((part, node)) | (health.IsSealed && !wasSealed);
        }

        if (isNews) look();
    }

    /// <summary>Those that answered when they were asked last. Empty while they are being asked, and if none is wanted.</summary>
    private async ValueTask<uint[]> LiveSparesAsync()
    {
        bool isWanted;
        lock (_lock) isWanted = !_parts.Any(static p => p.Health.IsSealed) && _parts.Any(static p => p.Health.Lost.Count > 0);
        uint[] live = [];
        if (_spares is { IsCompleted: true } spares)
        {
            _spares = null;
            live = await spares.ConfigureAwait(false);
        }

        if (isWanted) _spares ??= AskSparesAsync();
        return isWanted ? live : [];
    }

    private async Task<uint[]> AskSparesAsync()
    {
        var spares = parts.Nodes.Current.Nodes.Where(n => (n.Roles & NodeRoles.LogServer) != 0 && !config.HasReplica(n.NodeId, n.DiskId)).ToArray();
        var answers = await Task.WhenAll(spares.Select(n => AskAsync(config.Id, n.NodeId))).ConfigureAwait(false);
        return [.. spares.Where((_, i) => answers[i] is not null).Select(static n => n.NodeId)];
    }

    /// <summary>Null: no answer.</summary>
    private async Task<StatusReply?> AskAsync(LogletId loglet, uint node)
    {
        using var timeout = new CancellationTokenSource(parts.Options.StatusTimeout, parts.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
        try
        {
            var connection = await parts.Nodes.ConnectAsync(node, either.Token).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new Status(loglet), either.Token).ConfigureAwait(false);
            return response.TryRead<StatusReply>(out var reply) ? reply : null;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
        {
            return null;
        }
    }
}
