using Delos.Protocol.Framing;

namespace Delos.Daemon.Sequencers;

/// <summary>Acknowledgements, the global tail, resending and the window.</summary>
public sealed partial class SequencerCore
{
    /// <summary>A connection to the replica stands. It is told the config and sent again what it has not acknowledged.</summary>
    public void OnReplicaConnected(int replica)
    {
        var r = _replicas[replica];
        r.IsConnected = true;
        NoteMajority();
        if (State == SequencerState.Ended || r.IsSealed) return;
        r.NeedsConfig = true;
        r.IsBlocked = false;
        r.HasRewound = false;
        r.ProgressAt = _now;
        r.ToldTail = 0;
        r.WantsTail = false;
        SendEmptyStore(replica);
        Rewind(replica, r.AckedTail);
        Pump(replica);
        if (State == SequencerState.Ending) _outputs.SendSeal(replica);
        else if (_round.IsOut && !_round.HasAnswered(replica)) _outputs.SendConfirm(replica, _round.Number);
    }

    public void OnReplicaLost(int replica)
    {
        var r = _replicas[replica];
        if (r.IsConnected) r.LostAt = _now;
        r.IsConnected = false;
    }

    /// <summary>A StoreAck. Only Ok acknowledges: everything below <paramref name="durableTail"/> (DESIGN §3).</summary>
    /// <param name="replica">Which replica.</param>
    /// <param name="status">Of what it was sent.</param>
    /// <param name="durableTail">First position that it does not durably hold.</param>
    /// <param name="acceptedTail">First position that it has not accepted.</param>
    /// <param name="wantsTail">Readers there wait for the global tail: it is told with each <see cref="Flush"/>, though stores that carry it may follow soon.</param>
    public void OnStoreAck(int replica, StatusCode status, long durableTail, long acceptedTail, bool wantsTail = false)
    {
        var r = _replicas[replica];
        r.WantsTail = wantsTail;
        if (State == SequencerState.Ended || r.IsSealed) return;
        if (Math.Max(durableTail, acceptedTail) > _window.EndPosition)
        {
            _outputs.Implausible(replica, Math.Max(durableTail, acceptedTail));
            return;
        }

        switch (status)
        {
            case StatusCode.Ok:
                var isNew = !r.Exists;
                if (r.IsBlocked && (isNew || acceptedTail > r.BlockedAt || durableTail > r.BlockedAt)) Unblock(replica, Math.Max(acceptedTail, durableTail));
                if (r.HasRewound && acceptedTail > r.RewoundTo) r.HasRewound = false;
                Acknowledge(replica, durableTail);
                break;
            case StatusCode.Sealed or StatusCode.Deleted:
                OnReplicaSealed(replica);
                break;
            case StatusCode.WrongIncarnation:
                End(EndReason.WrongIncarnation);
                break;
            case StatusCode.OutOfOrder:
                ResendFrom(replica, acceptedTail);
                break;
            case StatusCode.NeedConfig:
                r.NeedsConfig = true;
                ResendFrom(replica, acceptedTail);
                if (r.NeedsConfig && r.CanStore) SendEmptyStore(replica);
                break;
            default:
                Block(replica, status, acceptedTail);
                break;
        }
    }

    /// <summary>Highest tail that a majority acknowledged.</summary>
    private long MajorityTail()
    {
        for (var i = 0; i < _tails.Length; i++) _tails[i] = _replicas[i].AckedTail;
        Array.Sort(_tails);
        return _tails[_tails.Length - _quorum];
    }

    private void Acknowledge(int replica, long durableTail)
    {
        var r = _replicas[replica];
        if (!r.Exists)
        {
            r.Exists = true;
            AnswerOpen();
        }

        if (durableTail > r.AckedTail)
        {
            r.AckedTail = durableTail;
            r.ProgressAt = _now;
            r.AckedBatch = Math.Max(r.AckedBatch, _window.Head);
            while (r.AckedBatch < _window.End && _window[r.AckedBatch].End <= durableTail) r.AckedBatch++;
            var tail = MajorityTail();
            if (tail > GlobalTail)
            {
                Commit(tail);
                AnswerRound();
            }

            ReleaseWindow();
        }

        if (r.IsLagging && r.AckedTail >= _window.FirstPosition) Rewind(replica, r.AckedTail);
        Pump(replica);
    }

    /// <summary>Sends what the replica was not sent yet, as far as its share of unacknowledged bytes allows.</summary>
    private void Pump(int replica)
    {
        var r = _replicas[replica];
        if (!r.CanStore) return;
        if (r.NextBatch < _window.Head)
        {
            r.IsLagging = true;
            return;
        }

        while (r.NextBatch < _window.End)
        {
            var unacknowledged = Math.Max(r.AckedBatch, _window.Head);
            if (r.NextBatch <= unacknowledged) r.ProgressAt = _now;
            else if (_window.Charge(unacknowledged, r.NextBatch) >= _options.MaxReplicaInFlightBytes) return;
            SendBatch(replica, r.NextBatch++);
        }
    }

    private void SendBatch(int replica, long number)
    {
        var r = _replicas[replica];
        ref readonly var batch = ref _window[number];
        var withConfig = r.NeedsConfig;
        r.NeedsConfig = false;
        r.ToldTail = GlobalTail;
        _outputs.SendStore(replica, batch.First, batch.Count, batch.Payload, withConfig, GlobalTail);
    }

    /// <summary>Creates the replica where it does not exist, and asks for an acknowledgement of what it holds.</summary>
    private void SendEmptyStore(int replica)
    {
        var r = _replicas[replica];
        r.NeedsConfig = false;
        r.ToldTail = GlobalTail;
        _outputs.SendStore(replica, r.AckedTail, 0, null, withConfig: true, GlobalTail);
    }

    /// <summary>Lets the next store begin at <paramref name="tail"/>, or at the batch that holds it: what the replica has already it skips.</summary>
    private void Rewind(int replica, long tail)
    {
        var r = _replicas[replica];
        tail = Math.Max(tail, r.AckedTail);
        r.IsLagging = tail < _window.FirstPosition;
        if (r.IsLagging) return;
        r.IsDiskFull = false;
        var next = _window.Find(tail);
        for (var i = next; i < r.NextBatch; i++) ResentEntries += _window[i].Count;
        r.NextBatch = next;
    }

    private void ResendFrom(int replica, long acceptedTail)
    {
        var r = _replicas[replica];
        if (!r.CanStore) return;
        if (r.HasRewound && acceptedTail == r.RewoundTo)
        {
            // Most likely it refuses what was on its way when the resend began. If not, the next tick resends.
            r.RewindAgain = true;
            return;
        }

        r.HasRewound = true;
        r.RewindAgain = false;
        r.RewoundTo = acceptedTail;
        r.RewoundAt = _now;
        Rewind(replica, acceptedTail);
        Pump(replica);
    }

    /// <summary>A refusal that may pass. An assigned position cannot be given up without a seal: what is pending stays so and is tried again.</summary>
    private void Block(int replica, StatusCode status, long acceptedTail)
    {
        var r = _replicas[replica];
        r.IsDiskFull = status == StatusCode.DiskFull;
        // The refused store may have been the one that carried it.
        if (!r.Exists) r.NeedsConfig = true;
        if (r.IsBlocked) return;
        r.IsBlocked = true;
        r.BlockedAt = Math.Max(acceptedTail, r.AckedTail);
        r.RetryAt = _now + Milliseconds(_options.RefusedRetryDelay);
    }

    private void Unblock(int replica, long acceptedTail)
    {
        var r = _replicas[replica];
        r.IsBlocked = false;
        r.HasRewound = false;
        Rewind(replica, acceptedTail);
    }

    private void RetryBlocked(int replica)
    {
        var r = _replicas[replica];
        r.RetryAt = _now + Milliseconds(_options.RefusedRetryDelay);
        if (r.BlockedAt < _window.FirstPosition || r.BlockedAt >= _window.EndPosition) SendEmptyStore(replica);
        else SendBatch(replica, _window.Find(r.BlockedAt));
    }

    private bool IsMajorityFull()
    {
        var full = 0;
        foreach (var r in _replicas)
        {
            if (r.IsDiskFull) full++;
        }

        return full >= _quorum;
    }

    /// <summary>Lets go of committed batches that no replica within reach waits for, and of the oldest beyond the bound.</summary>
    private void ReleaseWindow()
    {
        var needed = long.MaxValue;
        foreach (var r in _replicas)
        {
            var isWithinReach = r.IsConnected || _now - r.LostAt < Milliseconds(_options.RetainForLost);
            if (!r.IsSealed && isWithinReach) needed = Math.Min(needed, r.AckedTail);
        }

        while (_window.Head < _committedBatch && (_window[_window.Head].End <= needed || RetainedBytes > _options.MaxRetainedBytes)) _window.ReleaseHead();
    }

    /// <summary>
    /// Nothing is on its way that would carry the tail to the replicas and their readers (trap 19): see <see cref="TailNews"/>.
    /// </summary>
    public bool HasTailToTell
    {
        get
        {
            if (State == SequencerState.Ended || GlobalTail != NextPosition) return false;
            foreach (var r in _replicas)
            {
                if (r.IsConnected && !r.IsSealed && r.ToldTail < GlobalTail) return true;
            }

            return false;
        }
    }

    /// <summary>
    /// When to tell it. A replica that kept up until now and has not acknowledged the tail will do so in a moment: the thread that brings its acknowledgement tells, and nobody has to be woken for it. Should it be stuck just now, the next
    /// tick tells; if it has not come by the next commit it counts as behind, and is waited for no more.
    /// </summary>
    public TailNews TailNews
    {
        get
        {
            if (!HasTailToTell) return TailNews.None;
            var news = TailNews.Now;
            foreach (var r in _replicas)
            {
                if (!r.IsConnected || r.IsSealed || r.AckedTail >= GlobalTail) continue;
                if (r.AckedTail >= _formerTail) return TailNews.Awaited;
                news = TailNews.Later;
            }

            return news;
        }
    }

    /// <summary>Announces the tail to whom no store has brought it, unless one is on its way by now.</summary>
    public void TellTail()
    {
        if (HasTailToTell) Announce(all: false);
    }

    /// <summary>Tells the tail where readers wait for it and no store has just taken it along: under load the next one may be a millisecond away.</summary>
    private void TellReaders()
    {
        for (var i = 0; i < _replicas.Length; i++)
        {
            var r = _replicas[i];
            if (!r.WantsTail || !r.IsConnected || r.IsSealed || r.ToldTail >= GlobalTail) continue;
            r.ToldTail = GlobalTail;
            _outputs.SendGlobalTail(i, GlobalTail);
        }
    }

    private void Announce(bool all)
    {
        for (var i = 0; i < _replicas.Length; i++)
        {
            var r = _replicas[i];
            if (!r.IsConnected || r.IsSealed || (r.ToldTail >= GlobalTail && !(all && r.AckedTail < GlobalTail))) continue;
            r.ToldTail = GlobalTail;
            _outputs.SendGlobalTail(i, GlobalTail);
        }
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
