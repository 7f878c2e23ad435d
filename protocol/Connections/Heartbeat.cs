namespace Delos.Protocol.Connections;

/// <summary>What a tick of the heartbeat asks for.</summary>
public enum HeartbeatAction
{
    None,
    SendPing,
    Close,
}

/// <summary>Decides when to ask a peer for a sign of life and when to give it up. Pure: fed with the time at every tick.</summary>
public sealed class Heartbeat(TimeSpan timeout, TimeSpan start)
{
    private TimeSpan _lastLife = start;
    private TimeSpan _lastTick = start;

    /// <summary>How long the peer has been silent, at the last tick.</summary>
    public TimeSpan Silence => _lastTick - _lastLife;

    /// <param name="now">Monotonic.</param>
    /// <param name="alive">Something was received since the last tick, or lies in the socket unread.</param>
    /// <param name="paused">We do not read now, so that silence is our own doing; the Ping is then a sign of our own life.</param>
    public HeartbeatAction Tick(TimeSpan now, bool alive, bool paused)
    {
        // A late tick means that this process did not run; then its peers' signs of life could not be read either.
        var suspended = now - _lastTick > timeout / 2;
        _lastTick = now;
        if (alive || paused || suspended)
        {
            _lastLife = now;
            return alive && !paused ? HeartbeatAction.None : HeartbeatAction.SendPing;
        }

        return Silence >= timeout ? HeartbeatAction.Close : HeartbeatAction.SendPing;
    }
}
