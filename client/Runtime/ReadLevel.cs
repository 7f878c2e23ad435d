namespace Delos.Runtime;

/// <summary>How fresh a read must be.</summary>
public readonly record struct ReadLevel
{
    private ReadLevel(ReadLevelKind kind, long position, TimeSpan age)
    {
        Kind = kind;
        Position = position;
        Age = age;
    }

    /// <summary>Sees everything that was answered, to anybody, before the read began. Asks the log for its tail.</summary>
    public static ReadLevel Linearizable { get; } = new(ReadLevelKind.Linearizable, 0, default);

    /// <summary>Whatever this replica has: also while it is cut off, or stopped in front of an entry.</summary>
    public static ReadLevel Stale { get; } = new(ReadLevelKind.Stale, 0, default);

    /// <summary>Sees everything below that position: with <see cref="ProposalResult.Next"/> of one's own last proposal, read-your-writes.</summary>
    public static ReadLevel After(long next) => new(ReadLevelKind.After, next, default);

    /// <summary>Sees everything that was answered up to so long ago; asks the log only if nobody did lately.</summary>
    public static ReadLevel Within(TimeSpan age) => new(ReadLevelKind.Within, 0, age);

    internal ReadLevelKind Kind { get; }

    internal long Position { get; }

    internal TimeSpan Age { get; }
}

/// <summary>The kinds of <see cref="ReadLevel"/>.</summary>
internal enum ReadLevelKind
{
    Linearizable,
    Stale,
    After,
    Within,
}
