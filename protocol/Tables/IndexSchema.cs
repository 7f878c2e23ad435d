namespace Delos.Protocol.Tables;

/// <summary>A secondary index as its creator describes it.</summary>
/// <param name="Name">Unique in its table, <see cref="TableNames"/>.</param>
/// <param name="Columns">Names, in the order in which they make up the key.</param>
/// <param name="Unique">No two rows with the same values in all its columns; rows with a null in one of them are exempt.</param>
public sealed record IndexDefinition(string Name, IReadOnlyList<string> Columns, bool Unique = false);

/// <summary>How far an index is. On disk and on the wire: values never change.</summary>
public enum IndexState : byte
{
    /// <summary>Rows written since its creation are in it; older ones follow, by <see cref="BackfillIndex"/>. Cannot be read yet.</summary>
    Building = 1,

    /// <summary>Has every row; can be read.</summary>
    Ready = 2,

    /// <summary>Two rows contradict its uniqueness. It is not kept up any more and can only be dropped.</summary>
    Failed = 3,
}

/// <summary>A secondary index.</summary>
/// <param name="Id">Never used again, by no table.</param>
/// <param name="Name">Unique in its table.</param>
/// <param name="Columns">Ids of the indexed columns, in order.</param>
/// <param name="Unique">Whether rows that agree in all columns, none null, are refused.</param>
/// <param name="State">How far it is.</param>
/// <param name="Problem">Why it failed, in words; empty otherwise.</param>
public sealed record IndexSchema(uint Id, string Name, IReadOnlyList<ushort> Columns, bool Unique, IndexState State, string Problem = "")
{
    /// <summary>Whether writes put rows into it.</summary>
    public bool IsMaintained => State != IndexState.Failed;
}
