namespace Delos.Protocol.Tables;

/// <summary>What a column holds. On disk, on the wire and, as the tag of a key's component, in the order of keys: values never change.</summary>
public enum ColumnType : byte
{
    /// <summary>Not a column's type: the type of a null.</summary>
    Null = 0,

    /// <summary>A signed 64-bit integer.</summary>
    Int64 = 1,

    /// <summary>A 64-bit IEEE 754 number, kept by its bits; every NaN is kept as one and the same.</summary>
    Double = 2,

    /// <summary>Text in UTF-8, ordered by its bytes, which is the order of its code points.</summary>
    String = 3,

    /// <summary>Bytes, ordered as unsigned numbers; a prefix before what it begins.</summary>
    Bytes = 4,

    /// <summary>False before true.</summary>
    Bool = 5,

    /// <summary>Microseconds since 1970-01-01 00:00 UTC, as the proposer says; may be negative.</summary>
    Timestamp = 6,
}
