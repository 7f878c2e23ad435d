namespace Delos.Protocol.Tables;

/// <summary>What an operation of a transaction does. On the wire: values never change.</summary>
public enum OpKind : byte
{
    /// <summary>Writes the whole row, whether there is one or not.</summary>
    Put = 1,

    /// <summary>Writes the whole row; refused if there is one.</summary>
    Insert = 2,

    /// <summary>Changes some columns of a row; refused if there is none.</summary>
    Update = 3,

    /// <summary>Deletes the row, if there is one.</summary>
    Delete = 4,

    /// <summary>Changes nothing: only its conditions count.</summary>
    Check = 5,
}

/// <summary>One operation on one row. Immutable.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Key">The primary key's values, in its order; of put and insert, whose row holds them, empty.</param>
/// <param name="Row">Put, insert: the row; columns that it does not name take their default. Update: the columns that change, none of the primary key. Else empty.</param>
/// <param name="Conditions">All must hold, or the whole transaction is refused.</param>
/// <param name="Expiry">When the row expires; of delete and check always <see cref="Expiry.Default"/>.</param>
public sealed record TableOp(OpKind Kind, string Table, IReadOnlyList<CellValue> Key, Row Row, IReadOnlyList<Condition> Conditions, Expiry Expiry)
{
    public static TableOp Put(string table, Row row, Expiry expiry = default, params IReadOnlyList<Condition> conditions) => new(OpKind.Put, table, [], row, conditions, expiry);

    public static TableOp Insert(string table, Row row, Expiry expiry = default) => new(OpKind.Insert, table, [], row, [], expiry);

    public static TableOp Update(string table, IReadOnlyList<CellValue> key, Row row, params IReadOnlyList<Condition> conditions) => new(OpKind.Update, table, key, row, conditions, Expiry.Default);

    public static TableOp Delete(string table, IReadOnlyList<CellValue> key, params IReadOnlyList<Condition> conditions) => new(OpKind.Delete, table, key, Row.Empty, conditions, Expiry.Default);

    public static TableOp Check(string table, IReadOnlyList<CellValue> key, params IReadOnlyList<Condition> conditions) => new(OpKind.Check, table, key, Row.Empty, conditions, Expiry.Default);
}
