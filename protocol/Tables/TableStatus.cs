namespace Delos.Protocol.Tables;

/// <summary>How a command or query ended. On the wire: values never change.</summary>
public enum TableStatus : ushort
{
    Ok = 0,

    // What was sent makes no sense
    /// <summary>The bytes are no command, query or paging token.</summary>
    Malformed = 1,
    /// <summary>A command or query that this version does not know: upgrade the replicas first.</summary>
    UnsupportedCommand = 2,
    /// <summary>Something that can never succeed as it is: a bad name, a key column left out, bounds of too many columns.</summary>
    InvalidArgument = 3,
    UnknownTable = 4,
    UnknownColumn = 5,
    UnknownIndex = 6,
    /// <summary>A value is of another type than its column, or null where there may be none.</summary>
    TypeMismatch = 7,
    /// <summary>A limit or quota on one row, key, command or transaction.</summary>
    TooLarge = 8,

    // The schema
    TableExists = 20,
    ColumnExists = 21,
    IndexExists = 22,
    /// <summary>The column is part of the primary key or of an index.</summary>
    ColumnInUse = 23,
    /// <summary>The index is still being built, or failed: use another or the primary key.</summary>
    IndexNotReady = 24,

    // The rows
    /// <summary>There is no row with that key.</summary>
    NoSuchRow = 40,
    /// <summary>There is a row with that key already.</summary>
    RowExists = 41,
    /// <summary>A condition of an operation does not hold.</summary>
    PreconditionFailed = 42,
    /// <summary>Another row has the same values in a unique index.</summary>
    UniqueViolation = 43,
    /// <summary>The table's quota of rows or bytes is used up.</summary>
    QuotaExceeded = 44,

    // Snapshots
    /// <summary>What an optimistic transaction read has changed: run it again.</summary>
    Conflict = 60,
    /// <summary>The snapshot or position is older than what is kept: read again from the present.</summary>
    SnapshotExpired = 61,
}
