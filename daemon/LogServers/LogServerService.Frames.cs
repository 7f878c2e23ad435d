using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>What each frame does, on the read loop of its connection.</summary>
public sealed partial class LogServerService
{
    private void OnStore(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Store>(out var message) || (message.Config is { } named && named.Id != message.Loglet))
        {
            Malformed(connection, "a store whose metadata makes no sense");
            return;
        }

        // Nothing that a reader would reject gets onto the disk.
        if (!EntryRun.IsIntact(frame.Payload, message.Count))
        {
            Malformed(connection, $"a store of {message.Count} entries at {message.First} of Loglet {message.Loglet} whose bytes are damaged");
            return;
        }

        Store(Served(connection).Batch, message, frame.Payload);
    }

    private void OnGlobalTail(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<GlobalTail>(out var message))
        {
            Malformed(connection, "a global tail whose metadata makes no sense");
            return;
        }

        AnnounceGlobalTail(Served(connection).Batch, message);
    }

    private void OnConfirm(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Confirm>(out var message))
        {
            Malformed(connection, "a confirm whose metadata makes no sense");
            return;
        }

        connection.Enqueue(Confirm(message));
    }

    /// <summary>Rule 2: a status request for an unknown Loglet confirms nothing and creates nothing.</summary>
    private void OnStatus(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Status>(out var message))
        {
            Malformed(connection, "a status request whose metadata makes no sense");
            return;
        }

        var reply = _table.Find(message.Loglet)?.Status() ?? new StatusReply(_table.Absence(message.Loglet), 0, false, 0, 0, 0, false);
        connection.Reply(reply, frame.CorrelationId);
    }

    /// <summary>Rule 2: the seal of an unknown Loglet creates it, sealed and empty.</summary>
    private void OnSeal(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Seal>(out var message))
        {
            Malformed(connection, "a seal whose metadata makes no sense");
            return;
        }

        if (!IsMine(message.Config))
        {
            connection.ReplyError(StatusCode.NotServed, $"Node {_me.NodeId} with its disk is no replica of Loglet {message.Config.Id}.", frame.CorrelationId);
            return;
        }

        var status = _table.GetOrCreate(message.Config, out var replica);
        if (replica is null)
        {
            connection.Reply(new SealReply(status, 0, 0), frame.CorrelationId);
            return;
        }

        replica.Seal(message.Config, connection, frame.CorrelationId, null);
        Served(connection).Batch.Touch(replica);
    }

    private void OnRepair(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Repair>(out var message) || !EntryRun.IsIntact(frame.Payload, message.Count))
        {
            Malformed(connection, "a repair whose metadata or entries make no sense");
            return;
        }

        if (!IsMine(message.Config))
        {
            connection.ReplyError(StatusCode.NotServed, $"Node {_me.NodeId} with its disk is no replica of Loglet {message.Config.Id}.", frame.CorrelationId);
            return;
        }

        if (_table.Find(message.Config.Id) is not { } replica)
        {
            connection.Reply(new RepairReply(_table.Absence(message.Config.Id), 0), frame.CorrelationId);
            return;
        }

        replica.Repair(message, frame.Payload, connection, frame.CorrelationId);
        Served(connection).Batch.Touch(replica);
    }

    private void OnTrim(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Trim>(out var message))
        {
            Malformed(connection, "a trim whose metadata makes no sense");
            return;
        }

        if (_table.Find(message.Loglet) is not { } replica)
        {
            connection.Reply(new TrimReply(_table.Absence(message.Loglet), 0), frame.CorrelationId);
            return;
        }

        replica.Trim(message, connection, frame.CorrelationId);
        Served(connection).Batch.Touch(replica);
    }

    private void OnDelete(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<DeleteLoglet>(out var message))
        {
            Malformed(connection, "a deletion whose metadata makes no sense");
            return;
        }

        _background.Add(DeleteAsync(connection, message.Loglet, frame.CorrelationId));
    }

    private async Task DeleteAsync(Connection connection, LogletId loglet, ulong correlationId)
    {
        var status = StatusCode.IoError;
        try
        {
            status = await DeleteAsync(loglet).ConfigureAwait(false);
        }
        finally
        {
            connection.Reply(new DeleteLogletReply(status), correlationId);
            connection.Flush();
        }
    }

    private void OnRead(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Read>(out var message))
        {
            Malformed(connection, "a read whose metadata makes no sense");
        }
        else if (_table.Find(message.Loglet) is { } replica)
        {
            _reads.Read(replica, connection, frame.CorrelationId, message);
        }
        else
        {
            connection.Reply(new ReadReply(_table.Absence(message.Loglet), message.Min, 0, 0, 0), frame.CorrelationId);
        }
    }

    private void OnSubscribe(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Subscribe>(out var message))
        {
            Malformed(connection, "a subscription whose metadata makes no sense");
            return;
        }

        var served = Served(connection);
        if (_table.Find(message.Loglet) is not { } replica)
        {
            connection.Enqueue(new Entries(_table.Absence(message.Loglet), message.Min, 0, 0), frame.CorrelationId);
            return;
        }

        if (served.Subscriptions.Count >= _options.MaxSubscriptionsPerConnection)
        {
            connection.Enqueue(new Entries(StatusCode.LimitExceeded, message.Min, 0, 0), frame.CorrelationId);
            return;
        }

        var subscription = new Subscription(replica, connection, frame.CorrelationId, message.Min, message.Max, message.Stop, message.CreditBytes);
        if (!served.Subscriptions.TryAdd(frame.CorrelationId, subscription))
        {
            Malformed(connection, "a second subscription with one correlation id");
            return;
        }

        replica.Add(subscription);
        _pump.Wake(subscription, inPlace: false);
    }

    private void OnCredit(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Credit>(out var message))
        {
            Malformed(connection, "a credit whose metadata makes no sense");
            return;
        }

        // A subscription that has just ended may still get credit.
        if (!_served.TryGetValue(connection.Id, out var served) || !served.Subscriptions.TryGetValue(frame.CorrelationId, out var subscription)) return;
        lock (subscription.Replica.Gate) subscription.AddCredit(message.Bytes);
        _pump.Wake(subscription, inPlace: true);
    }
}
