namespace Delos.Daemon.Tables;

/// <summary>Connections with answers of the commit that is being made: each is flushed once, at its end. On the apply loop only.</summary>
internal sealed class AnswersToSend
{
    private readonly List<TableConnection> _connections = [];

    public void Add(TableConnection connection)
    {
        if (connection.IsToBeFlushed) return;
        connection.IsToBeFlushed = true;
        _connections.Add(connection);
    }

    public void Flush()
    {
        foreach (var connection in _connections)
        {
            connection.IsToBeFlushed = false;
            connection.Connection.Flush();
        }

        _connections.Clear();
    }
}
