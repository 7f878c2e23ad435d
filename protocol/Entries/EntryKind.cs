namespace Delos.Protocol.Entries;

/// <summary>What an entry is. Persisted: values never change.</summary>
public enum EntryKind : byte
{
    /// <summary>An application's payload.</summary>
    Data = 0,

    /// <summary>Fills one position of a stripe that had nothing to store; never shown to applications.</summary>
    Gap = 1,

    /// <summary>An operator deleted the payload; the append id stays (DESIGN §3, exactly-once append).</summary>
    Deleted = 2,
}
