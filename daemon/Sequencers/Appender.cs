using Delos.Protocol.Connections;

namespace Delos.Daemon.Sequencers;

/// <summary>One connection as one Loglet's sequencer sees it: the waiter that the core answers. Guarded by the Loglet's lock.</summary>
internal sealed class Appender(Connection connection)
{
    public Connection Connection { get; } = connection;

    /// <summary>Something was queued since it was last flushed.</summary>
    public bool IsDirty { get; set; }

    public bool IsPaused { get; set; }
}
