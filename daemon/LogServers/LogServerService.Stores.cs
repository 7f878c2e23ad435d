using System.Buffers;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>What sequencers ask of the role, over a connection or within the process.</summary>
public sealed partial class LogServerService : ILocalStores
{
    bool ILocalStores.IsOnOwnDisk(ReplicaId replica) => replica.NodeId == _me.NodeId && replica.DiskId == _me.DiskId;

    void ILocalStores.Store(ReplicaBatch batch, in Store message, in ReadOnlySequence<byte> payload) => Store(batch, message, payload);

    void ILocalStores.AnnounceGlobalTail(ReplicaBatch batch, in GlobalTail message) => AnnounceGlobalTail(batch, message);

    ConfirmReply ILocalStores.Confirm(in Confirm message) => Confirm(message);

    void ILocalStores.EndBatch(ReplicaBatch batch, IPausable source) => EndBatch(batch, source);

    void ILocalStores.Forget<TSequencer>(LogletId loglet, TSequencer sequencer)
    {
        _shared.BackPressure.Forget(sequencer);
        _table.Find(loglet)?.Forget(sequencer);
    }

    private void Store(ReplicaBatch batch, in Store message, in ReadOnlySequence<byte> payload)
    {
        if (_shared.Failure is not null)
        {
            batch.Acknowledge(message.Loglet, message.Incarnation, StatusCode.IoError, null);
            return;
        }

        Metrics.StoresReceived.Add(1);
        Metrics.EntriesStored.Add(message.Count);
        if (message.Config is { } config && !IsMine(config))
        {
            batch.Acknowledge(message.Loglet, message.Incarnation, StatusCode.NotServed, null);
            return;
        }

        var replica = _table.Find(message.Loglet);
        if (replica is null)
        {
            var absence = _table.Absence(message.Loglet);
            if (absence == StatusCode.NotFound) absence = message.Config is null ? StatusCode.NeedConfig : _table.GetOrCreate(message.Config, out replica);
            if (replica is null)
            {
                batch.Acknowledge(message.Loglet, message.Incarnation, absence, null);
                return;
            }
        }

        if (replica.Store(batch.Sink, message, payload) is { } status) batch.Acknowledge(message.Loglet, message.Incarnation, status, replica);
        batch.Touch(replica);
    }

    private void AnnounceGlobalTail(ReplicaBatch batch, in GlobalTail message)
    {
        if (_shared.Failure is null && _table.Find(message.Loglet) is { } replica && replica.AnnounceGlobalTail(message)) batch.Touch(replica);
    }

    private ConfirmReply Confirm(in Confirm message)
    {
        if (_shared.Failure is not null) return new ConfirmReply(message.Loglet, message.Incarnation, message.Round, StatusCode.IoError, 0);
        return _table.Find(message.Loglet)?.Confirm(message) ?? new ConfirmReply(message.Loglet, message.Incarnation, message.Round, _table.Absence(message.Loglet), 0);
    }

    private void EndBatch(ReplicaBatch batch, IPausable source)
    {
        foreach (var replica in batch.Touched) replica.KickIfDirty();
        foreach (var ack in batch.Acks)
        {
            batch.Sink.Enqueue(ack.Replica?.Acknowledgement(ack.Incarnation, ack.Status) ?? new StoreAck(ack.Loglet, ack.Incarnation, ack.Status, 0, 0));
        }

        batch.Sink.Flush();
        foreach (var replica in batch.Touched)
        {
            _pump.Wake(replica);
            _shared.BackPressure.PauseIfOver(source, replica);
        }

        batch.Clear();
        if (_shared.Failure is not null) _shared.BackPressure.ResumeIfUnder(all: true);
    }
}
