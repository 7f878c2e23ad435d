using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Daemon.LogServers;

/// <summary>What the stores of one receive, or of one hand-over in the process, touched. Belongs to the thread that handles them.</summary>
/// <param name="sink">Where they are acknowledged.</param>
internal sealed class ReplicaBatch(IAckSink sink)
{
    private readonly List<Replica> _touched = [];
    private readonly List<PendingAck> _acks = [];

    public IAckSink Sink => sink;

    /// <summary>Replicas whose logs got records, or whose global tail rose, in this batch.</summary>
    public List<Replica> Touched => _touched;

    /// <summary>Answers to stores that do not wait for the disk; one per Loglet and batch, since acknowledgements are cumulative.</summary>
    public List<PendingAck> Acks => _acks;

    public bool IsEmpty => _touched.Count == 0 && _acks.Count == 0;

    public void Touch(Replica replica)
    {
        if (!_touched.Contains(replica)) _touched.Add(replica);
    }

    public void Acknowledge(LogletId loglet, ulong incarnation, StatusCode status, Replica? replica)
    {
        for (var i = 0; i < _acks.Count; i++)
        {
            if (_acks[i].Loglet != loglet || _acks[i].Incarnation != incarnation) continue;
            // A refusal outlives the Ok of another store in the batch: it tells the sequencer what to do next.
            if (status != StatusCode.Ok || replica != _acks[i].Replica) _acks[i] = new PendingAck(loglet, incarnation, status, replica);
            return;
        }

        _acks.Add(new PendingAck(loglet, incarnation, status, replica));
    }

    public void Clear()
    {
        _touched.Clear();
        _acks.Clear();
    }
}

/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">As the store named it.</param>
/// <param name="Status">Ok or the refusal.</param>
/// <param name="Replica">Null if it does not exist here.</param>
internal readonly record struct PendingAck(LogletId Loglet, ulong Incarnation, StatusCode Status, Replica? Replica);
