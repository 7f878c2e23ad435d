using System.Runtime.ExceptionServices;
using Delos.Daemon.Node;
using Delos.Protocol.Framing;

namespace Delos.Daemon.Sequencers;

/// <summary>What is done by one thread at a time.</summary>
internal sealed partial class LocalReplicaLink
{
    /// <summary>By the thread that is at it. True: it goes on to be, and what is left is to be done.</summary>
    /// <param name="handsOver">What was sent, too, not only answers.</param>
    /// <param name="isHere">On a thread that others wait for: not if much has come meanwhile.</param>
    private bool Run(bool handsOver, bool isHere)
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
                    return false;
                }

                if (!handsOver && !HasAnswers) return true;
                if (isHere && !IsLittle) return true;
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
            if (!handsOver || isPaused || _next == _handed.Count) continue;
            HandOver();
            Answer();
        }

        return true;
    }

    /// <summary>On a thread that others wait for, too, and that would take an exception for its own.</summary>
    private void RunHere(bool handsOver)
    {
        try
        {
            if (!Run(handsOver, isHere: true)) return;
        }
        catch (Exception exception)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static failure => failure.Throw(), ExceptionDispatchInfo.Capture(exception), preferLocal: false);
            return;
        }

        Queue();
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
        _queuedBytes = 0;
        _next = 0;
    }

    private void Answer()
    {
        if (_taken.Count == 0 && _confirms.Count == 0) return;
        _events!.OnAnswers(_index, _taken, _confirms, _flushes);
        _taken.Clear();
        _confirms.Clear();
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
        lock (_lock) _isConnected = _isAtWork = false;
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
            _queuedBytes = 0;
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
}
