namespace Delos.Daemon.Storage;

/// <summary>
/// What a record of a segment log is. Persisted: values never change.
/// </summary>
/// <remarks>Of the control kinds (everything except entries and checkpoints) only the latest record per Loglet and kind is sure to survive a trim: write each as the whole state of that kind.</remarks>
public enum RecordKind : byte
{
    None = 0,

    /// <summary>Entries as the sequencer sent them, back to back in EntryCodec's format.</summary>
    Entries = 1,

    /// <summary>Entries copied from a peer; where they overlap what is held, they override it.</summary>
    RepairEntries = 2,

    /// <summary>The Loglet is sealed here, for ever.</summary>
    Seal = 3,

    /// <summary>Everything below the record's first position was trimmed.</summary>
    Trim = 4,

    /// <summary>The Loglet's config, as the owner encodes it.</summary>
    Config = 5,

    /// <summary>Written by the storage itself: proves what was durable, and each Loglet's end; first in a generation, where the one before ended (<see cref="GenerationProof"/>). Never shown to the owner.</summary>
    Checkpoint = 6,

    /// <summary>The Loglet was deleted for good.</summary>
    Tombstone = 7,

    /// <summary>A record of a <see cref="Journal"/>; the owner's kind is in the place of the first position.</summary>
    JournalRecord = 64,
}

internal static class RecordKinds
{
    /// <summary>The payload is entries, whose own checksums serve, and the header's for what they are together.</summary>
    public static bool HoldsEntries(this RecordKind kind) => kind is RecordKind.Entries or RecordKind.RepairEntries;
}
