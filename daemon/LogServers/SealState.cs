namespace Delos.Daemon.LogServers;

/// <summary>How far the seal of one replica has come (DESIGN §3, LogServer rule 2).</summary>
public enum SealState : byte
{
    /// <summary>Stores are accepted.</summary>
    Open,

    /// <summary>The seal stands in the durability queue, behind the stores accepted before it: nothing more is accepted, but a crash may still undo it.</summary>
    Queued,

    /// <summary>Durable, for good.</summary>
    Sealed,
}
