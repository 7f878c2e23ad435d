namespace Delos.Protocol.Tables;

/// <summary>The kinds of <see cref="TableReadLevel"/>. On the wire: values never change.</summary>
public enum TableReadKind : byte
{
    Linearizable = 0,
    Stale = 1,
    After = 2,
    Within = 3,
}

/// <summary>How fresh the answer to a query must be.</summary>
public readonly record struct TableReadLevel
{
    private TableReadLevel(TableReadKind kind, long argument)
    {
        Kind = kind;
        Argument = argument;
    }

    /// <summary>Sees everything that was answered, to anybody, before the query was asked. What is read unless another level is named.</summary>
    public static TableReadLevel Linearizable => default;

    /// <summary>Whatever the node has: also while it is cut off from the log, or stopped.</summary>
    public static TableReadLevel Stale { get; } = new(TableReadKind.Stale, 0);

    public TableReadKind Kind { get; }

    /// <summary>After: a log position; Within: microseconds; else 0.</summary>
    public long Argument { get; }

    /// <summary>Sees everything below that log position: with that of one's own last write, all of one's own writes.</summary>
    public static TableReadLevel After(long next)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(next);
        return new TableReadLevel(TableReadKind.After, next);
    }

    /// <summary>Sees everything that was answered up to so long ago; asks the log only if nobody did lately.</summary>
    public static TableReadLevel Within(TimeSpan age)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(age, TimeSpan.Zero);
        return new TableReadLevel(TableReadKind.Within, (long)age.TotalMicroseconds);
    }
}
