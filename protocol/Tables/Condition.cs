namespace Delos.Protocol.Tables;

/// <summary>What a <see cref="Condition"/> asks of the row. On the wire: values never change.</summary>
public enum ConditionKind : byte
{
    Exists = 1,
    Absent = 2,

    /// <summary>The row is there, with exactly that version.</summary>
    Version = 3,

    /// <summary>The row is there, and one of its columns fulfils a predicate.</summary>
    Column = 4,
}

/// <summary>A precondition of an operation, on the row that it is about, as the operations before it in the same transaction left it.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="Version">For <see cref="ConditionKind.Version"/>.</param>
/// <param name="Predicate">For <see cref="ConditionKind.Column"/>.</param>
public sealed record Condition(ConditionKind Kind, RowVersion Version, ColumnPredicate? Predicate)
{
    public static Condition Exists { get; } = new(ConditionKind.Exists, RowVersion.None, null);

    public static Condition Absent { get; } = new(ConditionKind.Absent, RowVersion.None, null);

    public static Condition VersionIs(RowVersion version) => new(ConditionKind.Version, version, null);

    public static Condition On(string column, PredicateOp op, CellValue constant = default) => new(ConditionKind.Column, RowVersion.None, new ColumnPredicate(column, op, constant));
}
