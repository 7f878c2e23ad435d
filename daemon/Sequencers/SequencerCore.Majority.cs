using Delos.Protocol.Framing;

namespace Delos.Daemon.Sequencers;

/// <summary>Giving a Loglet up that cannot go on: its sequencer lives, but no majority of the replicas is within its reach.</summary>
public sealed partial class SequencerCore
{
    private long _majorityAt;

    private void NoteMajority()
    {
        var connected = 0;
        foreach (var r in _replicas)
        {
            if (r.IsConnected) connected++;
        }

        if (connected >= _quorum) _majorityAt = _now;
    }

    /// <summary>
    /// Clients and monitors may well reach the LogServers that this node does not; to them this sequencer looks alive, so that nobody would ever seal. It ends the Loglet then, and gives what is pending
    /// back with its outcome unknown and the position that it has: the clients seal, resolve against the stop and go on. "Sealed" is not said before a majority is.
    /// <para>
    /// Only if an append waits. When all LogServers are merely restarted, a Loglet that nobody writes to meanwhile goes on as before, instead of every log of the cluster being reconfigured at once;
    /// one that is written to is ended without loss: its chain is extended as soon as a majority can be sealed, which is when appends could have gone on. Requests for the tail end nothing: their
    /// clients ask the replicas, and are told at once that they have to.
    /// </para>
    /// </summary>
    private void ResignWithoutMajority()
    {
        NoteMajority();
        if (_now - _majorityAt < Milliseconds(_options.ResignAfter)) return;
        GiveBack(_inRound);
        GiveBack(_nextRound);
        if (_pending.IsEmpty && _resends.Count == 0 && _filling.Count == 0) return;
        BeginEnd(EndReason.MajorityLost);

        // Also in an end that began otherwise: neither an acknowledgement nor a seal can reach us, and a client whose window is full sends nothing that could be refused.
        while (_pending.TryTake(long.MaxValue, out var run)) Reply(StatusCode.Unavailable, run);
        foreach (var run in _resends) Reply(StatusCode.Unavailable, run);
        _resends.Clear();
    }

    private void GiveBack(List<Waiting> requests)
    {
        foreach (var request in requests) _outputs.ReplyTail(request.Waiter, request.CorrelationId, StatusCode.Unavailable, GlobalTail);
        requests.Clear();
    }
}
