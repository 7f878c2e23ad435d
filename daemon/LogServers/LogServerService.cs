using System.Collections.Concurrent;
using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>
/// The LogServer role of a node: frames in, decisions by each Loglet's <see cref="ReplicaCore"/>, records into its log, answers when they are durable. Frames are handled on the connections' read
/// loops; a batch of them ends with one kick of each log that it touched, and a commit round of the disk with one acknowledgement per Loglet, and a flush of each connection that got something.
/// <para>See LogServerService.Refill.cs for what the node's own monitor uses.</para>
/// </summary>
public sealed partial class LogServerService : IFrameHandler, IAsyncDisposable
{
    private readonly NodeIdentity _me;
    private readonly LogServerOptions _options;
    private readonly LogServerShared _shared;
    private readonly ReplicaTable _table;
    private readonly SubscriptionPump _pump;
    private readonly ReadServer _reads;
    private readonly BackgroundTasks _background;
    private readonly GroupCommit _group;
    private readonly ITimer _timer;
    private readonly ConcurrentDictionary<long, ServedConnection> _served = new();

    private LogServerService(NodeIdentity me, ReplicaTable table, GroupCommit group, LogServerOptions options, LogServerShared shared)
    {
        _me = me;
        _table = table;
        _group = group;
        _options = options;
        _shared = shared;
        _background = new BackgroundTasks(shared.Logger);
        _pump = new SubscriptionPump(options, shared.Time, shared.Logger) { Ended = Remove };
        _reads = new ReadServer(options, _pump, shared.Logger);
        shared.OnLaggard = id => LaggardNoticed?.Invoke(id);
        group.RoundEnded += OnCommitRoundEnd;
        _timer = shared.Time.CreateTimer(static state => ((LogServerService)state!).OnTick(), this, options.TickInterval, options.TickInterval);
    }

    /// <summary>
    /// Recovers the role's directory and begins to serve. Throws what storage throws if the directory cannot be used.
    /// </summary>
    /// <param name="directory">The role's own.</param>
    /// <param name="me">Only Loglets whose config names this node and disk are stored (rule 6).</param>
    /// <param name="group">The disk's I/O thread; the caller's, shared with other roles on the disk.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">Time; no safety depends on it.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="onFatal">Called once when the disk failed, on any thread and with locks held: return at once, and let the daemon say why and exit. By then nothing is acknowledged any more.</param>
    public static async Task<LogServerService> OpenAsync(
        string directory, NodeIdentity me, GroupCommit group, LogServerOptions options, TimeProvider time, ILogger logger, Action<Exception> onFatal)
    {
        ArgumentNullException.ThrowIfNull(group);
        var started = time.GetTimestamp();
        var shared = new LogServerShared(options.Validate(), time, logger, onFatal);
        var table = new ReplicaTable(directory, group, shared);
        var service = new LogServerService(me, table, group, options, shared);
        await table.FinishRecoveryAsync().ConfigureAwait(false);
        logger.LogServerRecovered(table.Count, time.GetElapsedTime(started));
        return service;
    }

    /// <summary>True for the frames that belong to this role.</summary>
    public static bool Serves(FrameType type) => type is FrameType.Store or FrameType.GlobalTail or FrameType.Confirm or FrameType.Status or FrameType.Seal or FrameType.Read or FrameType.Subscribe
        or FrameType.Credit or FrameType.Unsubscribe or FrameType.Trim or FrameType.Repair or FrameType.DeleteLoglet;

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (_shared.Failure is { } failure)
        {
            Refuse(connection, frame, failure);
            return;
        }

        switch (frame.Type)
        {
            case FrameType.Store:
                OnStore(connection, frame);
                break;
            case FrameType.GlobalTail:
                OnGlobalTail(connection, frame);
                break;
            case FrameType.Confirm:
                OnConfirm(connection, frame);
                break;
            case FrameType.Status:
                OnStatus(connection, frame);
                break;
            case FrameType.Seal:
                OnSeal(connection, frame);
                break;
            case FrameType.Read:
                OnRead(connection, frame);
                break;
            case FrameType.Subscribe:
                OnSubscribe(connection, frame);
                break;
            case FrameType.Credit:
                OnCredit(connection, frame);
                break;
            case FrameType.Unsubscribe:
                if (_served.TryGetValue(connection.Id, out var served) && served.Subscriptions.TryGetValue(frame.CorrelationId, out var subscription)) Remove(subscription);
                break;
            case FrameType.Trim:
                OnTrim(connection, frame);
                break;
            case FrameType.Repair:
                OnRepair(connection, frame);
                break;
            case FrameType.DeleteLoglet:
                OnDelete(connection, frame);
                break;
            default:
                Malformed(connection, $"a {frame.Type} frame is not for a LogServer");
                break;
        }
    }

    /// <summary>The frames of one receive were handled: the disk is told, then whoever need not wait for it is answered.</summary>
    public void OnBatchEnd(Connection connection)
    {
        if (!_served.TryGetValue(connection.Id, out var served) || served.Batch.IsEmpty) return;
        EndBatch(served.Batch, connection);
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        _shared.BackPressure.Forget(connection);
        if (!_served.TryRemove(connection.Id, out var served)) return;
        foreach (var subscription in served.Subscriptions.Values) Remove(subscription);
        foreach (var replica in _table.All) replica.Forget(served);
    }

    /// <summary>Stops serving and closes the logs after their last commit. The connections are closed by their owner, before this.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _reads.DisposeAsync().ConfigureAwait(false);
        await _background.DisposeAsync().ConfigureAwait(false);
        await _table.DisposeAsync().ConfigureAwait(false);
        _group.RoundEnded -= OnCommitRoundEnd;
    }

    private void OnCommitRoundEnd()
    {
        var round = _shared.Round;
        if (round.Replicas.Count == 0) return;
        round.FlushAll();
        foreach (var replica in round.Replicas) _pump.Wake(replica);
        round.End();
        _shared.BackPressure.ResumeIfUnder();
    }

    private void OnTick()
    {
        foreach (var replica in _table.All)
        {
            foreach (var subscription in replica.Subscriptions)
            {
                if (subscription.IsStalled) _pump.Wake(subscription, inPlace: false);
            }

            replica.DropOldEntries();
            if (replica.IsLaggardAtTick()) LaggardNoticed?.Invoke(replica.Id);
            if (replica.ShouldCloseLog(_options.CloseSealedAfter) && _table.IsGroupSealed(replica)) _background.Add(replica.Log.CloseForWriting());
        }
    }

    private ServedConnection Served(Connection connection) => _served.TryGetValue(connection.Id, out var served) ? served : _served.GetOrAdd(connection.Id, static (_, c) => new ServedConnection(c), connection);

    private bool IsMine(LogletConfig config) => config.HasReplica(_me.NodeId, _me.DiskId);

    private void Remove(Subscription subscription)
    {
        subscription.Replica.Remove(subscription);
        if (_served.TryGetValue(subscription.Connection.Id, out var served)) served.Subscriptions.TryRemove(new KeyValuePair<ulong, Subscription>(subscription.CorrelationId, subscription));
    }

    private void Malformed(Connection connection, string text)
    {
        _shared.Logger.MalformedFrame(connection.Peer.ToString(), text);
        connection.Enqueue(new Error(StatusCode.Malformed, text));
        connection.CloseWhenSent(new DelosProtocolException(StatusCode.Malformed, text));
    }

    private static void Refuse(Connection connection, in Frame frame, Exception failure)
    {
        if (frame.TryRead<Store>(out var store)) connection.Enqueue(new StoreAck(store.Loglet, store.Incarnation, StatusCode.IoError, 0, 0));
        else if (frame.TryRead<Confirm>(out var confirm)) connection.Enqueue(new ConfirmReply(confirm.Loglet, confirm.Incarnation, confirm.Round, StatusCode.IoError, 0));
        else if (frame.TryRead<Subscribe>(out var subscribe)) connection.Enqueue(new Entries(StatusCode.IoError, subscribe.Min, 0, 0), frame.CorrelationId);
        else if (frame.Type is not (FrameType.GlobalTail or FrameType.Credit or FrameType.Unsubscribe)) connection.ReplyError(StatusCode.IoError, $"The disk failed: {failure.Message}", frame.CorrelationId);
    }
}
