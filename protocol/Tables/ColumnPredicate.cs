using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>How a column is compared with a constant. On the wire: values never change.</summary>
public enum PredicateOp : byte
{
    Equal = 1,
    NotEqual = 2,
    Less = 3,
    LessOrEqual = 4,
    Greater = 5,
    GreaterOrEqual = 6,

    /// <summary>Without a constant.</summary>
    IsNull = 7,

    /// <summary>Without a constant.</summary>
    IsNotNull = 8,

    /// <summary>Of strings and bytes: begins with the constant's bytes.</summary>
    StartsWith = 9,
}

/// <summary>A condition on one column: column, operator, constant. In the order of <see cref="CellValue"/>; a column that is null fulfils <see cref="PredicateOp.IsNull"/> and no other.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Op">The operator.</param>
/// <param name="Constant">Of the column's type; null for <see cref="PredicateOp.IsNull"/> and <see cref="PredicateOp.IsNotNull"/> and for no other.</param>
public sealed record ColumnPredicate(string Column, PredicateOp Op, CellValue Constant = default)
{
    /// <summary>Whether the operator goes without a constant.</summary>
    public bool IsUnary => Op is PredicateOp.IsNull or PredicateOp.IsNotNull;

    public bool Holds(in CellValue value)
    {
        if (value.IsNull) return Op == PredicateOp.IsNull;
        return Op switch
        {
            PredicateOp.Equal => value == Constant,
            PredicateOp.NotEqual => value != Constant,
            PredicateOp.Less => value < Constant,
            PredicateOp.LessOrEqual => value <= Constant,
            PredicateOp.Greater => value > Constant,
            PredicateOp.GreaterOrEqual => value >= Constant,
            PredicateOp.IsNotNull => true,
            PredicateOp.StartsWith => value.Span.StartsWith(Constant.Span),
            _ => false,
        };
    }

    internal static ColumnPredicate Read(ref MessageReader reader)
    {
        var predicate = new ColumnPredicate(reader.Text(), (PredicateOp)reader.U8(), CellCodec.Read(ref reader));
        if (predicate.Op is < PredicateOp.Equal or > PredicateOp.StartsWith) reader.Fail();
        return predicate;
    }

    internal void Write(ByteBuilder bytes)
    {
        bytes.Text(Column);
        bytes.U8((byte)Op);
        CellCodec.Write(bytes, Constant);
    }
}
