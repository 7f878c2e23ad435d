using Delos.Protocol.Connections;

namespace Delos.Daemon.Sequencers;

/// <summary>What a step leaves to be done without the Loglet's lock: sockets may be called, and read loops woken. Reused; belongs to one thread at a time.</summary>
internal sealed class FlushList
{
    private readonly List<Connection> _flush = [];
    private readonly List<Connection> _resume = [];
    private readonly List<IReplicaLink> _links = [];

    public void Flush(Connection connection) => _flush.Add(connection);

    /// <summary>A replica in this process last: it may be handed its entries on the spot, and the others are to have theirs meanwhile.</summary>
    public void Flush(IReplicaLink link)
    {
        if (link.Connection is { } connection) _flush.Add(connection);
        else _links.Add(link);
    }

    public void Resume(Connection connection) => _resume.Add(connection);

    public void Run()
    {
        foreach (var connection in _flush) connection.Flush();
        foreach (var link in _links) link.Flush();
        foreach (var connection in _resume) connection.ResumeReading();
        _flush.Clear();
        _links.Clear();
        _resume.Clear();
    }
}
