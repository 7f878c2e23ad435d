namespace Delos.Protocol.Tables;

/// <summary>A table at one generation. Immutable.</summary>
/// <param name="Id">Never used again.</param>
/// <param name="Name">Unique among the tables.</param>
/// <param name="Generation">Rises by one with every change of the schema, also with an index that becomes ready; 1 at first. Paging tokens and read sets are bound to it.</param>
/// <param name="Columns">In the order of their ids.</param>
/// <param name="PrimaryKey">Ids of the key's columns, in the order in which they make up the key. None of them is nullable.</param>
/// <param name="Indexes">In the order of their ids.</param>
/// <param name="Settings">Quotas, time to live, retention.</param>
/// <param name="NextColumnId">The id of the next column that is added.</param>
/// <param name="Created">By which command. Another table of that name may have been there before.</param>
public sealed record TableSchema(uint Id, string Name, uint Generation, IReadOnlyList<Column> Columns, IReadOnlyList<ushort> PrimaryKey, IReadOnlyList<IndexSchema> Indexes, TableSettings Settings, ushort NextColumnId, RowVersion Created)
{
    /// <summary>Null: there is none.</summary>
    public Column? FindColumn(string name)
    {
        foreach (var column in Columns)
        {
            if (column.Name == name) return column;
        }

        return null;
    }

    /// <summary>Null: there is none.</summary>
    public IndexSchema? FindIndex(string name)
    {
        foreach (var index in Indexes)
        {
            if (index.Name == name) return index;
        }

        return null;
    }

    /// <summary>Null: there is none.</summary>
    public IndexSchema? FindIndex(uint id)
    {
        foreach (var index in Indexes)
        {
            if (index.Id == id) return index;
        }

        return null;
    }

    /// <summary>Where in <see cref="Columns"/> it is; -1: it is not.</summary>
    public int OrdinalOf(ushort columnId)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i].Id == columnId) return i;
        }

        return -1;
    }

    /// <summary>Where in <see cref="Columns"/> it is; -1: it is not.</summary>
    public int OrdinalOf(string name)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i].Name == name) return i;
        }

        return -1;
    }

    /// <summary>Whether the column is part of the primary key.</summary>
    public bool IsKey(ushort columnId) => PrimaryKey.Contains(columnId);

    /// <summary>The columns of the primary key, in its order.</summary>
    public IEnumerable<Column> KeyColumns => PrimaryKey.Select(id => Columns[OrdinalOf(id)]);
}
