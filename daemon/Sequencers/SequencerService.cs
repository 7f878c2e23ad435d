using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// A node's sequencer role: the Loglets that it orders, and the way of frames to them. A Loglet is opened by the first OpenLoglet that names this node and this incarnation, once in the
/// process's life; so a node that restarted never sequences an old Loglet (trap 7), nor one that it has ended.
/// </summary>
public sealed class SequencerService : IFrameHandler, IAsyncDisposable
{
    private readonly uint _nodeId;
    private readonly ulong _incarnation;
    private readonly Func<uint, CancellationToken, ValueTask<Connection>> _connect;
    private readonly ILocalStores? _logServer;
    private readonly SequencerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _started;
    private readonly ITimer _timer;
    private readonly FlushList _tickFlushes = new();
    private readonly ConcurrentDictionary<LogletId, LogletSequencer> _live = new();
    private readonly ConcurrentDictionary<long, SequencerSession> _sessions = new();
    private readonly ConcurrentQueue<LogletSequencer> _toStop = new();
    private readonly Lock _openLock = new();

    // Never shortened. Opening an ended Loglet again, at position 0, could put other entries at positions that a replica which missed the seal lacks. 16 bytes each.
    private readonly ConcurrentDictionary<LogletId, EndReason> _ended = new();
    private readonly List<Task> _stopping = [];
    private int _isTicking;
    private bool _disposed;

    /// <param name="nodeId">This node.</param>
    /// <param name="incarnation">Drawn at this process's start.</param>
    /// <param name="connect">The shared connection to a node; its frames come to this service's <see cref="OnFrame"/>.</param>
    /// <param name="logServer">The role of the same process, which is talked to without a connection; null: there is none. Closed after this.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="time">Time; no safety depends on it.</param>
    /// <param name="logger">For the operator.</param>
    public SequencerService(
        uint nodeId, ulong incarnation, Func<uint, CancellationToken, ValueTask<Connection>> connect, LogServerService? logServer, SequencerOptions options, TimeProvider time, ILogger logger)
    {
        _logServer = logServer;
        _nodeId = nodeId;
        _incarnation = incarnation;
        _connect = connect;
        _options = options.Validate();
        _time = time;
        _logger = logger;
        _started = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((SequencerService)state!).OnTimer(), this, options.TickInterval, options.TickInterval);
    }

    /// <summary>A Loglet takes no more appends here, and is not sealed on a majority yet. Raised under the Loglet's lock: return at once.</summary>
    public event Action<LogletId, EndReason>? LogletEnding;

    /// <summary>A Loglet ended here: who watches logs sees to a successor. Raised under the Loglet's lock: return at once.</summary>
    public event Action<LogletId, EndReason>? LogletEnded;

    /// <summary>Loglets being sequenced.</summary>
    public int Count => _live.Count;

    /// <summary>One frame: Append, CheckTail, Fill, OpenLoglet, StoreAck or ConfirmReply; others are ignored.</summary>
    public void OnFrame(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Append when frame.TryRead<Append>(out var append):
                OnAppend(connection, append, frame);
                break;
            case FrameType.StoreAck when frame.TryRead<StoreAck>(out var ack):
                if (Find(connection, ack.Loglet, ack.Incarnation, out var acked, out _)) acked.StoreAck(connection, ack with { WantsTail = (frame.Header.Flags & FrameFlags.WantsTail) != 0 });
                break;
            case FrameType.ConfirmReply when frame.TryRead<ConfirmReply>(out var confirm):
                if (Find(connection, confirm.Loglet, confirm.Incarnation, out var confirmed, out _)) confirmed.ConfirmReply(connection, confirm);
                break;
            case FrameType.CheckTail when frame.TryRead<CheckTail>(out var checkTail):
                if (Find(connection, checkTail.Loglet, checkTail.Incarnation, out var asked, out var refusal)) asked.CheckTail(connection, frame.CorrelationId);
                else connection.Reply(new CheckTailReply(refusal, 0), frame.CorrelationId);
                break;
            case FrameType.Fill when frame.TryRead<Fill>(out var fill):
                if (Find(connection, fill.Loglet, fill.Incarnation, out var filled, out var noFill)) filled.Fill(connection, frame.CorrelationId, fill.UpTo);
                else connection.Reply(new CheckTailReply(noFill, 0), frame.CorrelationId);
                break;
            case FrameType.OpenLoglet when frame.TryRead<OpenLoglet>(out var open):
                OnOpen(connection, open.Config, frame.CorrelationId);
                break;
            case FrameType.Append or FrameType.StoreAck or FrameType.ConfirmReply or FrameType.CheckTail or FrameType.Fill or FrameType.OpenLoglet:
                Refuse(connection, $"The {frame.Type} frame's metadata are not such a message.");
                break;
        }
    }

    /// <summary>The frames that one receive brought have been handled: their entries become one store, their acknowledgements one answer per client.</summary>
    public void OnBatchEnd(Connection connection)
    {
        if (!_sessions.TryGetValue(connection.Id, out var session) || session.Touched.Count == 0) return;
        foreach (var sequencer in session.Touched) sequencer.Complete(session.Flushes);
        session.Touched.Clear();
        session.Flushes.Run();
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        if (!_sessions.TryRemove(connection.Id, out var session)) return;
        foreach (var sequencer in session.Known) sequencer.Forget(connection);
    }

    public IReadOnlyList<SequencingStatusLine> GetStatus() => [.. _live.Values.OrderBy(sequencer => sequencer.Config.Id).Select(sequencer => sequencer.GetStatus())];

    public async ValueTask DisposeAsync()
    {
        lock (_openLock)
        {
            if (_disposed) return;
            _disposed = true;
        }

        await _timer.DisposeAsync().ConfigureAwait(false);
        foreach (var sequencer in _live.Values) await sequencer.StopAsync().ConfigureAwait(false);
        StopEnded();
        await Task.WhenAll(_stopping).ConfigureAwait(false);
    }

    private void OnAppend(Connection connection, in Append message, in Frame frame)
    {
        var session = SessionOf(connection);
        if (session.Runs.Read(frame.Payload, message.ClientId, message.Count, _options.MaxEntryBytes) != StatusCode.Ok)
        {
            Refuse(connection, "The payload of an Append frame is not what the frame says.");
            return;
        }

        if (Find(connection, message.Loglet, message.Incarnation, out var sequencer, out var status))
        {
            Metrics.AppendsReceived.Add(message.Count);
            sequencer.Append(connection, message, session.Runs.Runs, frame.Payload);
            return;
        }

        Metrics.AppendsRefused.Add(message.Count);
        foreach (var run in session.Runs.Runs) connection.Enqueue(new AppendReply(message.Loglet, message.ClientId, status, run.FirstSequence, (uint)run.Count, -1, 0));
    }

    private void OnOpen(Connection connection, LogletConfig config, ulong correlationId)
    {
        var status = Open(config, out var sequencer);
        if (sequencer is null)
        {
            connection.Reply(new OpenLogletReply(status), correlationId);
            return;
        }

        SessionOf(connection).Touch(sequencer);
        sequencer.Open(connection, correlationId);
    }

    private StatusCode Open(LogletConfig config, out LogletSequencer? sequencer)
    {
        sequencer = null;
        if (config.SequencerNode != _nodeId || config.Incarnation != _incarnation) return StatusCode.WrongIncarnation;
        if (config.Kind != LogletKind.Native || config.Replicas.Count == 0 || config.Stripes.Count != 0 || HasTwins(config)) return StatusCode.Malformed;
        lock (_openLock)
        {
            if (_disposed) return StatusCode.Unavailable;
            if (_ended.TryGetValue(config.Id, out _)) return StatusCode.Sealed;
            if (_live.TryGetValue(config.Id, out var known))
            {
                // A Loglet id determines its config for ever.
                if (!known.Config.Equals(config)) return StatusCode.WrongIncarnation;
                sequencer = known;
                return StatusCode.Ok;
            }

            if (_live.Count >= _options.MaxLoglets) return StatusCode.LimitExceeded;
            sequencer = new LogletSequencer(config, _options, _time, LinkFor, OnEnding, OnEnded, _logger, Now());
            _live[config.Id] = sequencer;
        }

        _logger.LogletOpened(config.Id, config.Replicas.Count);
        sequencer.Start();
        return StatusCode.Ok;
    }

    private IReplicaLink LinkFor(LogletConfig config, int index)
    {
        var replica = config.Replicas[index];
        return _logServer is not null && _logServer.IsOnOwnDisk(replica) ? new LocalReplicaLink(index, config, _logServer, _options, _time, _logger) : new SocketReplicaLink(index, replica, _connect, _options, _time, _logger);
    }

    private static bool HasTwins(LogletConfig config) => config.Replicas.DistinctBy(replica => replica.NodeId).Count() != config.Replicas.Count;

    private void OnEnding(LogletSequencer sequencer, EndReason reason) => LogletEnding?.Invoke(sequencer.Config.Id, reason);

    private void OnEnded(LogletSequencer sequencer, EndReason reason)
    {
        lock (_openLock)
        {
            _ended[sequencer.Config.Id] = reason;

            // In this order: who stops all of them finds it in the one or in the other.
            _toStop.Enqueue(sequencer);
            _live.TryRemove(sequencer.Config.Id, out _);
        }

        Metrics.LogletsEnded.Add(1);
        LogletEnded?.Invoke(sequencer.Config.Id, reason);
    }

    /// <summary>Finds who sequences a Loglet and notes that this batch of frames concerns it.</summary>
    private bool Find(Connection connection, LogletId loglet, ulong incarnation, [NotNullWhen(true)] out LogletSequencer? sequencer, out StatusCode refusal)
    {
        sequencer = null;
        refusal = StatusCode.Ok;
        if (incarnation != _incarnation) refusal = StatusCode.WrongIncarnation;
        else if (!_live.TryGetValue(loglet, out sequencer)) refusal = _ended.ContainsKey(loglet) ? StatusCode.Sealed : StatusCode.NotFound;
        if (sequencer is null) return false;
        SessionOf(connection).Touch(sequencer);
        return true;
    }

    private SequencerSession SessionOf(Connection connection) =>
        _sessions.TryGetValue(connection.Id, out var known) ? known : _sessions.GetOrAdd(connection.Id, static _ => new SequencerSession());

    private static void Refuse(Connection connection, string text)
    {
        connection.Enqueue(new Error(StatusCode.Malformed, text));
        connection.CloseWhenSent(new DelosProtocolException(StatusCode.Malformed, text));
    }

    private long Now() => (long)_time.GetElapsedTime(_started).TotalMilliseconds;

    private void OnTimer()
    {
        if (Interlocked.Exchange(ref _isTicking, 1) != 0) return;
        var now = Now();
        foreach (var (_, sequencer) in _live) sequencer.Tick(now, _tickFlushes);
        _tickFlushes.Run();
        StopEnded();
        Volatile.Write(ref _isTicking, 0);
    }

    private void StopEnded()
    {
        while (_toStop.TryDequeue(out var sequencer))
        {
            lock (_openLock)
            {
                _stopping.RemoveAll(task => task.IsCompletedSuccessfully);
                _stopping.Add(sequencer.StopAsync());
            }
        }
    }
}
