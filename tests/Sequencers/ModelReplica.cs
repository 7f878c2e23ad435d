using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Tests.Sequencers;

/// <summary>A LogServer's replica as DESIGN's rules 1 to 5 have it, in memory, with the queue between accepting and being durable.</summary>
internal sealed class ModelReplica
{
    private readonly List<AppendId> _log = [];

    public bool Exists { get; private set; }

    public bool IsSealed { get; private set; }

    public int Durable { get; private set; }

    public int Accepted => _log.Count;

    public long GlobalTail { get; private set; }

    public bool IsFull { get; set; }

    public AppendId this[int position] => _log[position];

    public StatusCode Store(long first, List<AppendId> entries, bool withConfig, long globalTail)
    {
        if (IsSealed) return StatusCode.Sealed;
        if (!Exists && !withConfig) return StatusCode.NeedConfig;
        Exists = true;
        GlobalTail = Math.Max(GlobalTail, globalTail);
        if (first > Accepted) return StatusCode.OutOfOrder;
        if (entries.Count > 0 && first + entries.Count > Accepted && IsFull) return StatusCode.DiskFull;
        for (var i = 0; i < entries.Count; i++)
        {
            if (first + i < Accepted) Assert.That(_log[(int)first + i], Is.EqualTo(entries[i]), "a position was stored with two values");
            else _log.Add(entries[i]);
        }

        return StatusCode.Ok;
    }

    public void Announce(long tail)
    {
        if (Exists) GlobalTail = Math.Max(GlobalTail, tail);
    }

    public void Sync() => Durable = Accepted;

    public void Seal()
    {
        Sync();
        Exists = true;
        IsSealed = true;
    }

    public void Restart() => _log.RemoveRange(Durable, _log.Count - Durable);

    /// <summary>Copies from a peer what is globally committed, as far as the peer durably holds it.</summary>
    public void RefillFrom(ModelReplica peer)
    {
        if (IsSealed || IsFull) return;
        for (var position = Accepted; position < Math.Min(GlobalTail, peer.Durable); position++) _log.Add(peer[position]);
    }
}
