using System.Threading.Channels;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>
/// One subscription at one replica: what it pushes, until it ends or the connection does. What is pushed and not consumed is bounded by the credit. Batches are taken, and granted again, by one consumer.
/// </summary>
internal sealed class LogletSubscription : IFrameTarget, IDisposable
{
    private readonly Channel<EntryBatch> _batches = Channel.CreateUnbounded<EntryBatch>(new UnboundedChannelOptions { SingleReader = true });
    private readonly LogletFrameRouter _router;
    private readonly Connection _connection;
    private readonly ulong _id;
    private readonly uint _credit;
    private uint _consumed;

    public LogletSubscription(LogletFrameRouter router, Connection connection, in Subscribe subscribe)
    {
        _router = router;
        _connection = connection;
        _credit = subscribe.CreditBytes;
        _id = router.Add(this);
        if (!connection.Enqueue(subscribe, _id)) _batches.Writer.TryComplete(new ConnectionLostException("The connection was lost."));
        connection.Flush();

        // Closed before we were registered: then nobody tells us.
        if (connection.IsClosed) OnClosed(connection);
    }

    /// <summary>The pushes; completed with the exception that ended them.</summary>
    public ChannelReader<EntryBatch> Batches => _batches.Reader;

    /// <summary>The consumer is done with so many bytes: as many more may come. The replica is told once it is half of the credit: a frame for each push would cost both sides as much as the push.</summary>
    public void Grant(int bytes)
    {
        _consumed += (uint)bytes;
        if (_consumed == 0 || _consumed < _credit / 2) return;
        if (_connection.Enqueue(new Credit(_consumed), _id)) _connection.Flush();
        _consumed = 0;
    }

    public void OnEntries(Connection connection, in Entries entries, in Frame frame)
    {
        if (!ReferenceEquals(connection, _connection)) return;
        var payload = frame.Payload.IsEmpty ? null : frame.RetainPayload();
        var batch = new EntryBatch(entries.Status, entries.First, (int)entries.Count, payload, entries.GlobalTail);
        if (!_batches.Writer.TryWrite(batch)) batch.Dispose();
    }

    public void OnError(Connection connection, in Error error)
    {
        if (ReferenceEquals(connection, _connection)) _batches.Writer.TryComplete(new DelosProtocolException(error.Code, error.Text));
    }

    public void OnClosed(Connection connection)
    {
        if (ReferenceEquals(connection, _connection)) _batches.Writer.TryComplete(new ConnectionLostException("The connection was lost."));
    }

    public void Dispose()
    {
        _router.Remove(_id);
        if (_connection.Enqueue(new Unsubscribe(), _id)) _connection.Flush();
        _batches.Writer.TryComplete();
        while (_batches.Reader.TryRead(out var batch)) batch.Dispose();
    }
}
