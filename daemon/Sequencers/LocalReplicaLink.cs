using Delos.Daemon.LogServers;
using Delos.Daemon.Node;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// The replica in the sequencer's own process: no socket, no frames, and the entries, which the sequencer has checked, are not checked again. One work item of the thread pool at a time does everything: it hands over what was
/// sent, in order, and takes the acknowledgements, which come on the disk's thread, to the sequencer; in its place, a question that is alone is answered by whoever flushes it. What goes wrong in the LogServer is a loss, as that of a connection would be: after a pause the sequencer sends everything
/// again. What the sequencer's own steps throw ends the process: a core that a step left half changed must not go on.
/// </summary>
internal sealed class LocalReplicaLink : IReplicaLink, IAckSink, IPausable, IThreadPoolWorkItem
{
    /// <summary>Rounds of one work item; others wait for the thread pool, too.</summary>
    private const int RoundsPerTurn = 4;

    /// <summary>Of entries that are handed over before the disk is told, and asked whether it is behind.</summary>
    private const int MaxBatchBytes = 1 << 20;

    /// <summary>Messages that a list keeps room for when it is empty.</summary>
    private const int MaxRoom = 1024;

    private readonly int _index;
    private readonly LogletConfig _config;
    private readonly ILocalStores _stores;
    private readonly SequencerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ReplicaBatch _batch;
    private readonly FlushList _flushes = new();
    private readonly List<ConfirmReply> _confirms = [];
    private readonly Lock _lock = new();
    private IReplicaEvents? _events;

    // Under the lock.
    private List<Message> _queued = [];
    private Confirm? _confirm;
    private GlobalTail? _globalTail;
    private List<StoreAck> _acks = [];
    private StatusCode? _sealReply;
    private ITimer? _retry;
    private bool _isConnectDue;
    private bool _isConnected;
    private bool _isScheduled;
    private bool _isPaused;
    private bool _isStopped;

    // Of the work item.
    private List<Message> _handed = [];
    private int _next;
    private List<StoreAck> _taken = [];
    private Task _seal = Task.CompletedTask;
    private TimeSpan _pause;
    private long _connectedAt;

    public LocalReplicaLink(int index, LogletConfig config, ILocalStores stores, SequencerOptions options, TimeProvider time, ILogger logger)
    {
        _index = index;
        _config = config;
        _stores = stores;
        _options = options;
        _time = time;
        _logger = logger;
        _pause = options.ReconnectMin;
        _batch = new ReplicaBatch(this);
    }

    public Connection? Connection { get; set; }

    private uint Node => _config.Replicas[_index].NodeId;

    /// <summary>Under the lock, by the work item or while it is not scheduled: some of these fields are its own.</summary>
    private bool HasWork => _isConnectDue || _sealReply is not null || _acks.Count > 0 || (!_isPaused && (_queued.Count > 0 || _confirm is not null || _globalTail is not null || _next < _handed.Count));

    public void Start(IReplicaEvents events)
    {
        _events = events;
        Connect();
    }

    public void SendStore(in Store message, RetainedPayload? payload)
    {
        // Of its own: the senders of other links read the same blocks at the same time.
        var own = RetainedPayload.Create();
        if (payload is not null) own.Append(payload);
        if (!TryQueue(new Message(message, own))) own.Release();
    }

    /// <summary>Stores are bounded by what the sequencer may have under way; of these only the newest is worth sending, and behind a disk that stands still there could be any number.</summary>
    public void SendConfirm(in Confirm message)
    {
        lock (_lock) _confirm = _isConnected ? message : null;
    }

    public void SendGlobalTail(in GlobalTail message)
    {
        lock (_lock) _globalTail = _isConnected ? message : null;
    }

    /// <summary>Nobody flushes after it.</summary>
    public void SendSeal(in Seal message)
    {
        if (TryQueue(new Message(IsSeal: true))) Schedule();
    }

    /// <summary>If nothing was sent but a question where the replica stands, the caller's thread answers it: that takes less time than to wake another one.</summary>
    public void Flush()
    {
        bool isAlone;
        lock (_lock)
        {
            if (_isScheduled || _isStopped || !HasWork) return;
            _isScheduled = true;
            isAlone = _confirm is not null && _globalTail is null && _queued.Count == 0 && _next == _handed.Count && _acks.Count == 0 && _sealReply is null && !_isConnectDue && !_isPaused;
            if (isAlone) Refill();
        }

        if (isAlone) AnswerHere();
        else ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>By the LogServer: the disk is behind.</summary>
    void IPausable.PauseReading()
    {
        lock (_lock) _isPaused = true;
    }

    void IPausable.ResumeReading()
    {
        lock (_lock) _isPaused = false;
        Schedule();
    }

    /// <summary>On the disk's thread mostly, with the replica's lock held.</summary>
    void IAckSink.Enqueue(in StoreAck ack)
    {
        lock (_lock)
        {
            if (_isConnected) _acks.Add(ack);
        }
    }

    void IAckSink.Flush() => Schedule();

    void IThreadPoolWorkItem.Execute()
    {
        for (var round = 0; round < RoundsPerTurn; round++)
        {
            bool isConnecting, isPaused;
            StatusCode? sealReply;
            lock (_lock)
            {
                if (_isStopped || !HasWork)
                {
                    _isScheduled = false;
                    if (_isStopped) _idle.TrySetResult();
                    return;
                }

                isConnecting = _isConnectDue;
                _isConnectDue = false;
                _isConnected |= isConnecting;
                sealReply = _sealReply;
                _sealReply = null;
                (_acks, _taken) = (_taken, _acks);
                isPaused = _isPaused;
                if (!isPaused && _next == _handed.Count) Refill();
            }

            if (isConnecting)
            {
                _connectedAt = _time.GetTimestamp();
                _events!.OnConnected(_index, null);
            }

            if (sealReply is { } status) _events!.OnSealReply(_index, status);
            Answer();
            if (isPaused || _next == _handed.Count) continue;
            HandOver();
            Answer();
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isStopped) return;
            _isStopped = true;
            _isConnected = false;
            if (!_isScheduled) _idle.TrySetResult();
        }

        // Away from the caller's lock: to forget this link waits for the replica's.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _idle.Task.ConfigureAwait(false);
        await _seal.ConfigureAwait(false);
        _retry?.Dispose();
        Drop();
        _stores.Forget(_config.Id, this);
    }

    private bool TryQueue(in Message message)
    {
        lock (_lock)
        {
            if (_isConnected) _queued.Add(message);
            return _isConnected;
        }
    }

    private void Schedule()
    {
        lock (_lock)
        {
            if (_isScheduled || _isStopped || !HasWork) return;
            _isScheduled = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Connect()
    {
        lock (_lock) _isConnectDue = true;
        Schedule();
    }

    /// <summary>Under the lock; everything that was taken before is through.</summary>
    private void Refill()
    {
        if (_globalTail is { } tail) _queued.Add(new Message(GlobalTail: tail));
        if (_confirm is { } confirm) _queued.Add(new Message(Confirm: confirm));
        _globalTail = null;
        _confirm = null;
        _handed.Clear();
        if (_handed.Capacity > MaxRoom) _handed.Capacity = MaxRoom;
        (_queued, _handed) = (_handed, _queued);
        _next = 0;
    }

    private void Answer()
    {
        if (_taken.Count == 0 && _confirms.Count == 0) return;
        _events!.OnAnswers(_index, _taken, _confirms, _flushes);
        _taken.Clear();
        _confirms.Clear();
    }

    /// <summary>In place of the work item, which is not queued meanwhile.</summary>
    private void AnswerHere()
    {
        HandOver();
        Answer();
        lock (_lock)
        {
            _isScheduled = false;
            if (_isStopped) _idle.TrySetResult();
        }

        Schedule();
    }

    private void HandOver()
    {
        try
        {
            for (var bytes = 0; _next < _handed.Count && bytes < MaxBatchBytes; _next++)
            {
                var message = _handed[_next];
                HandOver(message);
                bytes += message.Payload?.Length ?? 0;
                message.Payload?.Release();
            }

            _stores.EndBatch(_batch, this);
        }
        catch (OutOfMemoryException exception)
        {
            LackOfMemory.EndProcess(exception);
        }
        catch (Exception exception)
        {
            _logger.OwnReplicaFailed(_config.Id, exception);
            Lose();
        }
    }

    private void HandOver(in Message message)
    {
        if (message.Store is { } store) _stores.Store(_batch, store, message.Payload!.AsSequence());
        else if (message.GlobalTail is { } tail) _stores.AnnounceGlobalTail(_batch, tail);
        else if (message.Confirm is { } confirm) _confirms.Add(_stores.Confirm(confirm));
        else if (message.IsSeal && _seal.IsCompleted) _seal = SealAsync();
    }

    /// <summary>The sequencer sends everything again from what was acknowledged on, once it hears that the replica is there again.</summary>
    private void Lose()
    {
        _batch.Clear();
        _confirms.Clear();
        lock (_lock) _isConnected = false;
        Drop();
        _events!.OnLost(_index);
        if (_time.GetElapsedTime(_connectedAt) > _options.ReconnectMax) _pause = _options.ReconnectMin;
        lock (_lock)
        {
            _retry?.Dispose();
            if (!_isStopped) _retry = _time.CreateTimer(static state => ((LocalReplicaLink)state!).Connect(), this, _pause, Timeout.InfiniteTimeSpan);
        }

        _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, _options.ReconnectMax.Ticks));
    }

    /// <summary>Whatever was sent and not handed over, and answers that were not told. Nobody adds to them any more.</summary>
    private void Drop()
    {
        for (; _next < _handed.Count; _next++) _handed[_next].Payload?.Release();
        lock (_lock)
        {
            foreach (var message in _queued) message.Payload?.Release();
            _queued.Clear();
            _confirm = null;
            _globalTail = null;
            _acks.Clear();
            _sealReply = null;
        }
    }

    private async Task SealAsync()
    {
        try
        {
            var status = await _stores.SealAsync(_config).WaitAsync(_stopping.Token).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            lock (_lock) _sealReply = status;
            Schedule();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The Loglet has ended meanwhile.
        }
        catch (OutOfMemoryException exception)
        {
            LackOfMemory.EndProcess(exception);
        }
        catch (Exception exception)
        {
            // The core seals again until a majority has answered.
            _logger.SealNotAnswered(Node, exception.Message);
        }
    }

    /// <summary>One of the four; a store's payload is its own, empty if there are no entries.</summary>
    private readonly record struct Message(Store? Store = null, RetainedPayload? Payload = null, Confirm? Confirm = null, GlobalTail? GlobalTail = null, bool IsSeal = false);
}
