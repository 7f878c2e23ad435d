using Delos.Protocol.Connections;

namespace Delos.Daemon.Tables;

/// <summary>A client's connection, and what of it is in hand.</summary>
internal sealed class TableConnection(Connection connection)
{
    /// <summary>Requests in hand; changed by <see cref="RequestBudget"/>.</summary>
    public int Requests;

    /// <summary>Watches that wait; changed by <see cref="RequestBudget"/>.</summary>
    public int Watches;

    public Connection Connection => connection;

    /// <summary>Reads of the receive that is being handled. On the connection's read loop only.</summary>
    public List<ReadRequest> Batch { get; set; } = [];

    /// <summary>The receive that is being handled brought proposals, which wait to be put into the log. On the connection's read loop only.</summary>
    public bool HasProposals { get; set; }

    /// <summary>Has answers that are sent with the end of the commit. On the apply loop only.</summary>
    public bool IsToBeFlushed { get; set; }
}
