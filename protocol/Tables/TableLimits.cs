namespace Delos.Protocol.Tables;

/// <summary>What the tables take at most. Part of what commands mean: every replica of every version must refuse the same ones, so a limit is changed only behind a feature gate.</summary>
public static class TableLimits
{
    /// <summary>Bytes of a table's, column's or index's name.</summary>
    public const int NameBytes = 64;

    public const int Tables = 1024;

    public const int Columns = 256;

    /// <summary>Columns of a primary key or of an index.</summary>
    public const int KeyColumns = 16;

    public const int IndexesOfTable = 32;

    /// <summary>Bytes of a primary key's encoding.</summary>
    public const int KeyBytes = 1024;

    /// <summary>Bytes of an index entry's encoding, which holds the indexed columns and the primary key.</summary>
    public const int IndexEntryBytes = 4096;

    /// <summary>Bytes of a row: key and stored columns. A table's quota can be lower.</summary>
    public const int RowBytes = 1 << 20;

    /// <summary>Bytes of a command.</summary>
    public const int CommandBytes = 4 << 20;

    /// <summary>Operations of a transaction.</summary>
    public const int Ops = 4096;

    /// <summary>Conditions of one operation; filters of one scan.</summary>
    public const int Predicates = 32;

    /// <summary>Row keys in the read set of an optimistic transaction, and in one <see cref="GetRows"/>.</summary>
    public const int ReadKeys = 4096;

    /// <summary>Scanned ranges in the read set of an optimistic transaction. Pages that follow each other are one range.</summary>
    public const int ReadRanges = 256;

    /// <summary>Bytes of a column's default.</summary>
    public const int DefaultBytes = 1024;

    /// <summary>Changes and expiries that the validation of one transaction looks at; with more since its snapshot it is refused as too old.</summary>
    public const int ValidatedChanges = 65_536;

    /// <summary>Rows of one answer.</summary>
    public const int RowsOfAnswer = 10_000;

    /// <summary>Bytes of the changes that a transaction makes, with the rows as they become: an answer to a watch has all of a command, and must fit into a frame behind others.</summary>
    public const int TransactionBytes = 3 << 20;

    /// <summary>Bytes of rows in one answer; one more row may come on top.</summary>
    public const int AnswerBytes = 4 << 20;

    /// <summary>Rows that one page of a scan looks at; if the filters let few of them through, a page may be short, even empty, and yet have a successor.</summary>
    public const int ExaminedRows = 50_000;

    /// <summary>Rows or keys that one <see cref="BackfillIndex"/> or <see cref="Sweep"/> command works on.</summary>
    public const int StepRows = 10_000;

    /// <summary>Changes kept for watchers and optimistic transactions, unless the table says otherwise.</summary>
    public const long DefaultRetainedChanges = 65_536;

    /// <summary>Bytes of such changes.</summary>
    public const long DefaultRetainedChangeBytes = 64L << 20;

    /// <summary>The longest time to live, in microseconds: about 146 years, far from where adding it to a time would overflow.</summary>
    public const long TtlMicros = long.MaxValue / 2000;
}
