using Delos.Daemon.LogServers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// The replica in the sequencer's own process: no socket, no frames, and the entries, which the sequencer has checked, are not checked again. One thread at a time does everything: it hands over what was
/// sent, in order, and takes the acknowledgements to the sequencer. That is whoever flushes a little, the disk's thread for the acknowledgements that its round brought (to wake another for them costs more than they do),
/// and a work item of the thread pool for all else. What goes wrong in the LogServer is a loss, as that of a connection would be: after a pause the sequencer sends everything
/// again. What the sequencer's own steps throw ends the process: a core that a step left half changed must not go on.
/// <para>What is sent and told: this file. What is done with it, by one thread at a time: LocalReplicaLink.Turns.cs.</para>
/// </summary>
internal sealed partial class LocalReplicaLink : IReplicaLink, IAckSink, IPausable, IThreadPoolWorkItem
{
    /// <summary>Rounds of one turn; others wait for the thread, too.</summary>
    private const int RoundsPerTurn = 4;

    /// <summary>Of entries that whoever flushes hands over itself: no more work than to have another thread do it. More is worth a second processor.</summary>
    private const int MaxBytesHere = 64 << 10;

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
    private int _queuedBytes;
    private bool _isConnectDue;
    private bool _isConnected;

    // It has acknowledged something: the first stores to a replica make its files, which a disk that stands still makes last for ever.
    private bool _isAtWork;
    private bool _isScheduled;
    private bool _isPaused;
    private bool _isStopped;

    // Of whoever is at it.
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

    /// <summary>Under the lock.</summary>
    private bool HasAnswers => _isConnectDue || _sealReply is not null || _acks.Count > 0;

    /// <summary>Under the lock, by who is at it or while nobody is: some of these fields are its own.</summary>
    private bool HasWork => HasAnswers || (!_isPaused && (_queued.Count > 0 || _confirm is not null || _globalTail is not null || _next < _handed.Count));

    /// <summary>Under the lock: what was sent and not taken yet may be handed over by a thread that others wait for.</summary>
    private bool IsLittle => _queuedBytes <= MaxBytesHere && (_isAtWork || _queued.Count == 0);

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
        lock (_lock)
        {
            // One that belongs to no round is answered by any other.
            if (message.Round != 0 || _confirm is null) _confirm = _isConnected ? message : null;
        }
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

    public void Flush()
    {
        bool isLittle;
        lock (_lock)
        {
            if (!TryBegin()) return;
            isLittle = IsLittle && _next == _handed.Count;
        }

        if (isLittle) RunHere(handsOver: true);
        else Queue();
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
            if (!_isConnected) return;
            _acks.Add(ack);
            _isAtWork = true;
        }
    }

    void IAckSink.Flush() => Schedule();

    bool IAckSink.IsInProcess => true;

    /// <summary>Entries are not handed over on the disk's thread: a replica that is new would wait for it.</summary>
    void IAckSink.FlushRound()
    {
        lock (_lock)
        {
            if (!TryBegin()) return;
        }

        RunHere(handsOver: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (Run(handsOver: true, isHere: false)) Queue();
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
            if (!_isConnected) return false;
            _queued.Add(message);
            _queuedBytes += message.Payload?.Length ?? 0;
            return true;
        }
    }

    private void Schedule()
    {
        lock (_lock)
        {
            if (!TryBegin()) return;
        }

        Queue();
    }

    /// <summary>Under the lock. True: the caller is at it now, or has to see that somebody is.</summary>
    private bool TryBegin()
    {
        if (_isScheduled || _isStopped || !HasWork) return false;
        _isScheduled = true;
        return true;
    }

    private void Queue() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    private void Connect()
    {
        lock (_lock) _isConnectDue = true;
        Schedule();
    }

    /// <summary>One of the four; a store's payload is its own, empty if there are no entries.</summary>
    private readonly record struct Message(Store? Store = null, RetainedPayload? Payload = null, Confirm? Confirm = null, GlobalTail? GlobalTail = null, bool IsSeal = false);
}
