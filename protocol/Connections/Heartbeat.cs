namespace Delos.Protocol.Connections;

/// <summary>What a tick of the heartbeat asks for.</summary>
public enum HeartbeatAction
{
    None,
    SendPing,
    Close,
}

/// <summary>Decides when to ask a peer for a sign of life and when to give it up. Pure: fed with the time at every tick.</summary>
/// <param name="interval">A peer that was silent for so long gets a Ping.</param>
/// <param name="timeout">A peer that was silent for so long is given up.</param>
/// <param name="start">Monotonic, as all times here.</param>
public sealed class Heartbeat(TimeSpan interval, TimeSpan timeout, TimeSpan start)
{
    private static readonly TimeSpan s_soonest = TimeSpan.FromMilliseconds(1);
    private TimeSpan _lastLife = start;
    private TimeSpan _lastTick = start;

    /// <summary>How long the peer has been silent, at the last tick.</summary>
    public TimeSpan Silence => _lastTick - _lastLife;

    /// <summary>When to tick next: after an interval, or just when the timeout is over.</summary>
    public TimeSpan Next
    {
        get
        {
            var left = timeout - Silence;
            return left >= interval ? interval : left > s_soonest ? left : s_soonest;
        }
    }

    /// <param name="now">The time.</param>
    /// <param name="received">When something was received last.</param>
    /// <param name="unread">Something lies in the socket unread.</param>
    /// <param name="paused">We do not read now, so that silence is our own doing; the Ping is then a sign of our own life.</param>
    public HeartbeatAction Tick(TimeSpan now, TimeSpan received, bool unread, bool paused)
    {
        // A late tick means that this process did not run; then its peers' signs of life could not be read either.
        var suspended = now - _lastTick > timeout / 2;
        var alive = unread || received > _lastTick;
        _lastTick = now;
        if (received > _lastLife) _lastLife = received;
        if (unread || paused || suspended) _lastLife = now;
        if (alive && !paused) return HeartbeatAction.None;
        return Silence >= timeout ? HeartbeatAction.Close : HeartbeatAction.SendPing;
    }
}
