using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>
/// The append pipeline of one client to one sequencer: everything queued goes out in as few frames as possible, answers complete the ops, and after a lost connection
/// everything unanswered is sent again, in order, to the same incarnation, which recognises what it has (DESIGN §3, exactly-once append).
/// </summary>
internal sealed class SequencerLink : IFrameTarget
{
    private const int FrameOverhead = 256;

    /// <summary>Connections in a row that ended before any answer, past which the sequencer counts as lost: something about what is sent ends them.</summary>
    private const int MaxFruitless = 5;

    private readonly ReplicaSet _replicas;
    private readonly LogletFrameRouter _router;
    private readonly LogletOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Watermark _knownTail;
    private readonly AppendCompletions _completions;
    private readonly Action _lost;
    private readonly Func<CancellationToken, Task<bool>> _findSeal;
    private readonly Func<CancellationToken, Task<bool>> _confirm;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly PendingAppends _pending = new();
    private readonly ulong _id;

    private AppendClient? _client;
    private Connection? _connection;
    private ITimer? _timer;
    private Task _connecting = Task.CompletedTask;
    private Task _looking = Task.CompletedTask;
    private int _fruitless;
    private bool _isConnecting;
    private bool _closed;
    private long _lastProgress;

    /// <param name="findSeal">Looks whether a replica is sealed, finishes the seal if so, and says whether it was.</param>
    /// <param name="confirm">Asks the sequencer to confirm its tail, and says whether it did.</param>
    /// <param name="lost">The sequencer is lost.</param>
    public SequencerLink(
        ReplicaSet replicas, LogletFrameRouter router, LogletOptions options, TimeProvider time, ILogger logger, Watermark knownTail,
        Func<CancellationToken, Task<bool>> findSeal, Func<CancellationToken, Task<bool>> confirm, Action lost)
    {
        _replicas = replicas;
        _router = router;
        _options = options;
        _time = time;
        _logger = logger;
        _knownTail = knownTail;
        _completions = new AppendCompletions(_lock, logger);
        _findSeal = findSeal;
        _confirm = confirm;
        _lost = lost;
        _id = router.Add(this);
    }

    private LogletConfig Config => _replicas.Config;

    public void Append(AppendOp op)
    {
        lock (_lock)
        {
            if (_client is null) Begin(op.Client);
            else if (!ReferenceEquals(_client, op.Client)) throw new InvalidOperationException($"One Loglet object serves one client; {_client.ClientId:x16} appends through this one.");
            if (_pending.Count == 0) _lastProgress = _time.GetTimestamp();
            if (_closed) _completions.Add(op, StatusCode.Unavailable, -1);
            else if (!_pending.TryAdd(op)) _completions.Add(op, StatusCode.LimitExceeded, -1);
        }
    }

    public void Flush()
    {
        Connection? connection;
        lock (_lock)
        {
            connection = _connection;
            if (connection is not null) EnqueueUnsent(connection);
            else Connect();
        }

        connection?.Flush();
        _completions.Deliver();
    }

    public void OnReply(Connection connection, in AppendReply reply)
    {
        var reopen = false;
        lock (_lock)
        {
            _lastProgress = _time.GetTimestamp();
            _fruitless = 0;
            switch (reply.Status)
            {
                case StatusCode.NotFound:
                    // The node has not heard of this Loglet. Our config comes from an installed chain: it may sequence it, if it is the incarnation named there.
                    reopen = ReferenceEquals(connection, _connection);
                    if (reopen) _connection = null;
                    break;
                case StatusCode.WrongIncarnation:
                    FailAll(StatusCode.WrongIncarnation);
                    break;
                default:
                    Complete(reply);
                    break;
            }

            if (reopen) Connect(open: true);
        }

        _completions.Deliver();
        if (reply.Status == StatusCode.WrongIncarnation) _lost();
    }

    public void OnEntries(Connection connection, in Entries entries, in Frame frame)
    {
    }

    /// <summary>An Append frame was refused as a whole; which ops were in it cannot be told, so none of the outcomes is known.</summary>
    public void OnError(Connection connection, in Error error)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(connection, _connection)) return;
        }

        _logger.AppendsRefused(Config.Id, Config.SequencerNode, error.Code, error.Text);
        Lose();
    }

    public void OnClosed(Connection connection)
    {
        var silence = connection.CloseReason is ConnectionLostException { IsSilence: true } reason ? reason.Message : null;
        lock (_lock)
        {
            if (!ReferenceEquals(connection, _connection)) return;
            _connection = null;
            if (_pending.Count == 0) return;
            if (silence is null) Connect();
        }

        if (silence is null) return;

        // It was waited for already.
        _logger.SequencerLost(Config.Id, Config.SequencerNode, silence);
        Lose();
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            FailAll(StatusCode.Unavailable);
        }

        _router.Remove(_id);
        if (_client is { } client) _router.RemoveAppender(Config.Id, client.ClientId, this);
        await _closing.CancelAsync().ConfigureAwait(false);
        if (_timer is not null) await _timer.DisposeAsync().ConfigureAwait(false);
        await _connecting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _completions.Deliver();
        _closing.Dispose();
    }

    private void Begin(AppendClient client)
    {
        _router.AddAppender(Config.Id, client.ClientId, this);
        _client = client;
        _timer = _time.CreateTimer(static state => ((SequencerLink)state!).OnTimer(), this, _options.AppendPatience, _options.AppendPatience);
    }

    private void EnqueueUnsent(Connection connection)
    {
        var accepted = connection.Peer.Limits.MaxFrameBytes - FrameOverhead;
        var entryLimit = (long)connection.Peer.Limits.MaxEntryBytes + EntryCodec.HeaderSize;
        var most = Math.Min(_options.MaxBatchBytes, accepted);
        while (_pending.PeekUnsent() is { } first)
        {
            // Alone, before it is framed: a sequencer may refuse a frame as a whole, and the resent appends beside this one may be in the log already.
            if (first.Entry is { } entry && entry.Length > entryLimit)
            {
                _pending.DequeueUnsent();
                _pending.Take(first.Sequence);
                _completions.Add(first, StatusCode.LimitExceeded, -1);
                continue;
            }

            var payload = RetainedPayload.Create();
            var count = 0u;
            var last = 0ul;
            for (var op = first; op is not null; op = _pending.PeekUnsent())
            {
                // The sequences of a frame increase; an op that was handed over out of turn begins another one.
                if (count > 0 && (op.Sequence <= last || op.Entry!.Length > entryLimit || payload.Length + op.Entry!.Length > most)) break;
                payload.Append(op.Entry ?? throw new InvalidOperationException($"Append {op.Id} has no entry."));
                last = op.Sequence;
                count++;
                _pending.DequeueUnsent();
            }

            if (payload.Length > accepted)
            {
                payload.Release();
                _pending.Take(first.Sequence);
                _completions.Add(first, StatusCode.LimitExceeded, -1);
                continue;
            }

            // Not sent after all if the connection is closed by now: OnClosed comes, and all that is pending is sent again.
            connection.Enqueue(new Append(Config.Id, Config.Incarnation, _client!.ClientId, _client.Floor, count), payload, _id);
        }
    }

    private void Complete(in AppendReply reply)
    {
        if (_pending.Count == 0) return;
        var low = Math.Max(reply.FirstSequence, _pending.Low);
        var end = Math.Min(reply.FirstSequence + reply.Count, _pending.End);
        for (var sequence = low; sequence < end; sequence++)
        {
            if (_pending.Take(sequence) is not { } op) continue;
            var position = reply.FirstPosition < 0 ? -1 : reply.FirstPosition + (long)(sequence - reply.FirstSequence);
            _completions.Add(op, reply.Status, position);
        }

        // Only an acknowledgement raises it; what a sealed Loglet says of its tail does not (trap 3).
        if (reply.Status == StatusCode.Ok) _knownTail.Raise(Math.Max(reply.GlobalTail, reply.FirstPosition + reply.Count));
    }

    private void FailAll(StatusCode status)
    {
        while (_pending.Count > 0)
        {
            if (_pending.Take(_pending.Low) is { } op) _completions.Add(op, status, -1);
        }
    }

    private void Lose()
    {
        bool any;
        lock (_lock)
        {
            any = !_closed;
            _connection = null;
            _fruitless = 0;
            FailAll(StatusCode.Unavailable);
        }

        _completions.Deliver();
        if (any) _lost();
    }

    private void Connect(bool open = false)
    {
        if (_isConnecting || _closed) return;
        if (_pending.Count == 0) return;
        _isConnecting = true;
        _connecting = ConnectAsync(open, _closing.Token);
    }

    private async Task ConnectAsync(bool open, CancellationToken cancellationToken)
    {
        // Off the caller's thread and lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var began = _time.GetTimestamp();
        var delay = _options.RetryDelay;
        while (true)
        {
            Exception failure;
            try
            {
                if (_fruitless > MaxFruitless) throw new DelosProtocolException(StatusCode.NotServed, $"{_fruitless} connections in a row ended before any append was answered.");
                if (TryUse(await DialAsync(open, cancellationToken).ConfigureAwait(false)))
                {
                    Flush();
                    return;
                }

                failure = new ConnectionLostException("The connection was closed at once.");
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                failure = exception;
            }

            // A refused dial or another incarnation is final: nobody there will ever sequence this Loglet again.
            var final = failure is ConnectionLostException { IsRefused: true } || failure is DelosProtocolException { Code: StatusCode.WrongIncarnation or StatusCode.WrongNode or StatusCode.NotServed or StatusCode.Sealed };
            if (final || _time.GetElapsedTime(began) >= _options.ReconnectFor)
            {
                _logger.SequencerLost(Config.Id, Config.SequencerNode, failure.Message);
                lock (_lock) _isConnecting = false;
                Lose();
                return;
            }

            await Task.Delay(delay, _time, cancellationToken).ConfigureAwait(false);
            delay = Longer(delay);
        }
    }

    /// <summary>A frozen process accepts connections and says nothing: it gets no longer than one that cannot be reached.</summary>
    private async Task<Connection> DialAsync(bool open, CancellationToken cancellationToken)
    {
        var patience = open ? _options.RequestTimeout : _options.ReconnectFor;
        using var limit = new TimeLimit(patience, _time, cancellationToken);
        try
        {
            var connection = await _replicas.ConnectSequencerAsync(limit.Token).ConfigureAwait(false);
            if (open) await OpenAsync(connection, limit.Token).ConfigureAwait(false);
            return connection;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Node {Config.SequencerNode} did not answer within {patience.TotalSeconds} s.");
        }
    }

    private bool TryUse(Connection connection)
    {
        lock (_lock)
        {
            // A connection closed after this check is reported to OnClosed, which then finds it here.
            if (connection.IsClosed) return false;
            _isConnecting = false;
            _connection = connection;
            _fruitless++;
            _pending.SendAllAgain();
            return true;
        }
    }

    private async Task OpenAsync(Connection connection, CancellationToken cancellationToken)
    {
        using var response = await connection.RequestAsync(new OpenLoglet(Config), cancellationToken).ConfigureAwait(false);
        var reply = ReplicaSet.Read<OpenLogletReply>(response);
        if (reply.Status != StatusCode.Ok) throw new DelosProtocolException(reply.Status, $"Node {Config.SequencerNode} does not sequence Loglet {Config.Id}: {reply.Status}.");
    }

    /// <summary>Somebody sealed one replica and died, another replica is gone: then neither acknowledgement nor "sealed" ever comes, unless somebody looks (model: liveness, NO_FINISH).</summary>
    private void OnTimer()
    {
        lock (_lock)
        {
            if (_closed || _pending.Count == 0 || !_looking.IsCompleted || _time.GetElapsedTime(_lastProgress) < _options.AppendPatience) return;
            _looking = LookAsync(_closing.Token);
        }
    }

    private bool IsStalled
    {
        get
        {
            lock (_lock) return !_closed && _pending.Count > 0 && _time.GetElapsedTime(_lastProgress) >= _options.StalledAppendPatience;
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (await _findSeal(cancellationToken).ConfigureAwait(false))
            {
                lock (_lock) FailAll(StatusCode.Sealed);
                _completions.Deliver();
            }
            else if (IsStalled && !await _confirm(cancellationToken).ConfigureAwait(false) && IsStalled)
            {
                // It answers heartbeats, but reaches no majority, or is stuck. One that confirms waits for its LogServers, and so would a successor over the same ones.
                _logger.SequencerLost(Config.Id, Config.SequencerNode, "appends stay unanswered, and it cannot confirm its tail");
                Lose();
            }
        }
        catch (LogletException exception) when (exception.Code == StatusCode.Deleted)
        {
            lock (_lock) FailAll(StatusCode.Deleted);
            _completions.Deliver();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The next tick looks again.
            _logger.AppendsUnanswered(Config.Id, exception.Message);
        }
    }

    private TimeSpan Longer(TimeSpan delay) => TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, _options.MaxRetryDelay.Ticks));
}
