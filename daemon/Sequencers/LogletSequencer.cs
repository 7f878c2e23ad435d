using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// The shell around one Loglet's <see cref="SequencerCore"/>: one lock, under which steps run on whatever thread brought the frame and their outputs are queued on connections;
/// sockets are called after the lock was left, once per connection and batch.
/// </summary>
internal sealed class LogletSequencer : ISequencerOutputs, IReplicaEvents
{
    private readonly Lock _lock = new();
    private readonly SequencerCore _core;
    private readonly IReplicaLink[] _links;
    private readonly bool[] _dirtyLinks;
    private readonly Dictionary<long, Appender> _appenders = [];
    private readonly List<Appender> _dirty = [];
    private readonly List<Appender> _paused = [];
    private readonly List<Connection> _resumed = [];
    private readonly Action<LogletSequencer, EndReason> _ending;
    private readonly Action<LogletSequencer, EndReason> _ended;
    private readonly ILogger _logger;
    private readonly ITimer _announcement;
    private readonly TimeSpan _announceAfter;
    private readonly FlushList _announcementFlushes = new();
    private bool _isAnnouncing;

    public LogletSequencer(
        LogletConfig config, SequencerOptions options, TimeProvider time, Func<LogletConfig, int, IReplicaLink> linkFor,
        Action<LogletSequencer, EndReason> ending, Action<LogletSequencer, EndReason> ended, ILogger logger, long now)
    {
        Config = config;
        _ending = ending;
        _ended = ended;
        _logger = logger;
        _announceAfter = options.AnnounceAfter;
        _announcement = time.CreateTimer(static state => ((LogletSequencer)state!).Announce(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _core = new SequencerCore(config, options, this, now);
        _links = new IReplicaLink[config.Replicas.Count];
        _dirtyLinks = new bool[_links.Length];
        for (var i = 0; i < _links.Length; i++) _links[i] = linkFor(config, i);
    }

    public LogletConfig Config { get; }

    public void Start()
    {
        foreach (var link in _links) link.Start(this);
    }

    /// <summary>Lets go of the replicas. Not from inside a step.</summary>
    public async Task StopAsync()
    {
        await _announcement.DisposeAsync().ConfigureAwait(false);
        foreach (var link in _links) await link.DisposeAsync().ConfigureAwait(false);
    }

    // Frames: steps without a flush; the service calls Complete when the batch is at its end.

    public void Append(Connection connection, in Append message, ReadOnlySpan<EntryRun> runs, in ReadOnlySequence<byte> payload)
    {
        lock (_lock) _core.OnAppend(AppenderFor(connection), message.ClientId, message.Floor, runs, payload);
    }

    public void CheckTail(Connection connection, ulong correlationId)
    {
        lock (_lock) _core.OnCheckTail(AppenderFor(connection), correlationId);
    }

    public void Fill(Connection connection, ulong correlationId, long upTo)
    {
        lock (_lock) _core.OnFill(AppenderFor(connection), correlationId, upTo);
    }

    public void Open(Connection connection, ulong correlationId)
    {
        lock (_lock) _core.OnOpen(AppenderFor(connection), correlationId);
    }

    public void StoreAck(Connection connection, in StoreAck message)
    {
        lock (_lock)
        {
            if (ReplicaAt(connection) is >= 0 and var replica) _core.OnStoreAck(replica, message.Status, message.DurableTail, message.AcceptedTail, message.WantsTail);
        }
    }

    public void ConfirmReply(Connection connection, in ConfirmReply message)
    {
        lock (_lock)
        {
            if (ReplicaAt(connection) is >= 0 and var replica) _core.OnConfirmReply(replica, message.Round, message.Status, message.DurableTail);
        }
    }

    /// <summary>The end of a batch of frames: what they caused is handed over, to be sent by <see cref="FlushList.Run"/> without the lock.</summary>
    public void Complete(FlushList flushes)
    {
        lock (_lock)
        {
            _core.Flush();
            Collect(flushes);
        }
    }

    public void Tick(long now, FlushList flushes)
    {
        lock (_lock)
        {
            _core.OnTick(now);
            Collect(flushes);
        }
    }

    public void Forget(Connection connection)
    {
        lock (_lock)
        {
            if (_appenders.Remove(connection.Id, out var appender)) _paused.Remove(appender);
        }
    }

    public SequencingStatusLine GetStatus()
    {
        lock (_lock)
        {
            return new SequencingStatusLine
            {
                Id = Config.Id.ToString(),
                NextPosition = _core.NextPosition,
                GlobalTail = _core.GlobalTail,
                InFlightBytes = _core.InFlightBytes,
                Sealed = _core.State != SequencerState.Open,
            };
        }
    }

    // From the links.

    void IReplicaEvents.OnConnected(int replica, Connection? connection)
    {
        var flushes = new FlushList();
        lock (_lock)
        {
            _links[replica].Connection = connection;
            _core.OnReplicaConnected(replica);
            _core.Flush();
            Collect(flushes);
        }

        _logger.ReplicaConnected(Config.Id, Config.Replicas[replica].NodeId);
        flushes.Run();
    }

    void IReplicaEvents.OnLost(int replica)
    {
        lock (_lock)
        {
            _links[replica].Connection = null;
            _core.OnReplicaLost(replica);
        }

        _logger.ReplicaLost(Config.Id, Config.Replicas[replica].NodeId);
    }

    void IReplicaEvents.OnSealReply(int replica, StatusCode status)
    {
        var flushes = new FlushList();
        lock (_lock)
        {
            _core.OnSealReply(replica, status);
            Collect(flushes);
        }

        flushes.Run();
    }

    void IReplicaEvents.OnAnswers(int replica, List<StoreAck> acks, List<ConfirmReply> confirms, FlushList flushes)
    {
        lock (_lock)
        {
            foreach (var ack in acks) _core.OnStoreAck(replica, ack.Status, ack.DurableTail, ack.AcceptedTail, ack.WantsTail);
            foreach (var confirm in confirms) _core.OnConfirmReply(replica, confirm.Round, confirm.Status, confirm.DurableTail);
            _core.Flush();
            Collect(flushes);
        }

        flushes.Run();
    }

    // From the core, under the lock.

    void ISequencerOutputs.SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail)
    {
        _links[replica].SendStore(new Store(Config.Id, Config.Incarnation, first, (uint)count, globalTail, withConfig ? Config : null), payload);
        _dirtyLinks[replica] = true;
    }

    void ISequencerOutputs.SendConfirm(int replica, ulong round)
    {
        _links[replica].SendConfirm(new Confirm(Config.Id, Config.Incarnation, round));
        _dirtyLinks[replica] = true;
    }

    void ISequencerOutputs.SendGlobalTail(int replica, long tail)
    {
        _links[replica].SendGlobalTail(new GlobalTail(Config.Id, Config.Incarnation, tail));
        _dirtyLinks[replica] = true;
    }

    void ISequencerOutputs.SendSeal(int replica) => _links[replica].SendSeal(new Seal(Config));

    void ISequencerOutputs.ReplyAppend(object waiter, in AppendReply reply) => Dirty(waiter).Enqueue(reply);

    void ISequencerOutputs.ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail) => Dirty(waiter).Reply(new CheckTailReply(status, tail), correlationId);

    void ISequencerOutputs.ReplyOpen(object waiter, ulong correlationId, StatusCode status) => Dirty(waiter).Reply(new OpenLogletReply(status), correlationId);

    void ISequencerOutputs.PauseReading(object waiter)
    {
        var appender = (Appender)waiter;
        if (appender.IsPaused) return;
        appender.IsPaused = true;
        appender.Connection.PauseReading();
        _paused.Add(appender);
    }

    void ISequencerOutputs.ResumeReading()
    {
        foreach (var appender in _paused)
        {
            appender.IsPaused = false;
            _resumed.Add(appender.Connection);
        }

        _paused.Clear();
    }

    void ISequencerOutputs.Ending(EndReason reason)
    {
        _logger.LogletEnding(Config.Id, reason, _core.NextPosition, _core.GlobalTail);
        _ending(this, reason);
    }

    void ISequencerOutputs.Ended(EndReason reason)
    {
        _logger.LogletEnded(Config.Id, reason, _core.NextPosition, _core.GlobalTail);
        _ended(this, reason);
    }

    void ISequencerOutputs.Implausible(int replica, long tail) => _logger.ImplausibleAcknowledgement(Config.Id, Config.Replicas[replica].NodeId, tail, _core.NextPosition);

    private Connection Dirty(object waiter)
    {
        var appender = (Appender)waiter;
        if (!appender.IsDirty)
        {
            appender.IsDirty = true;
            _dirty.Add(appender);
        }

        return appender.Connection;
    }

    /// <summary>On the timer, which is not started again before this has ended.</summary>
    private void Announce()
    {
        lock (_lock)
        {
            _core.TellTail();
            Collect(_announcementFlushes);
        }

        _announcementFlushes.Run();
        lock (_lock)
        {
            _isAnnouncing = false;
            if (_core.HasTailToTell) StartTimer();
        }
    }

    private void AnnounceWhenDue()
    {
        switch (_core.TailNews)
        {
            case TailNews.Now:
                _core.TellTail();
                break;
            case TailNews.Later:
                StartTimer();
                break;
            default:
                break;
        }
    }

    private void StartTimer()
    {
        if (_isAnnouncing) return;
        _isAnnouncing = true;
        _announcement.Change(_announceAfter, Timeout.InfiniteTimeSpan);
    }

    private void Collect(FlushList flushes)
    {
        AnnounceWhenDue();
        foreach (var appender in _dirty)
        {
            appender.IsDirty = false;
            flushes.Flush(appender.Connection);
        }

        _dirty.Clear();
        for (var i = 0; i < _links.Length; i++)
        {
            if (!_dirtyLinks[i]) continue;
            _dirtyLinks[i] = false;
            flushes.Flush(_links[i]);
        }

        foreach (var connection in _resumed) flushes.Resume(connection);
        _resumed.Clear();
    }

    private Appender AppenderFor(Connection connection)
    {
        if (_appenders.TryGetValue(connection.Id, out var known)) return known;
        var appender = new Appender(connection);
        _appenders.Add(connection.Id, appender);
        return appender;
    }

    /// <summary>-1 for a connection that is no longer, or not yet, the replica's.</summary>
    private int ReplicaAt(Connection connection)
    {
        for (var i = 0; i < _links.Length; i++)
        {
            if (ReferenceEquals(_links[i].Connection, connection)) return i;
        }

        return -1;
    }
}
