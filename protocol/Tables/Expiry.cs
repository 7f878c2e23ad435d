namespace Delos.Protocol.Tables;

/// <summary>What an operation says about when its row expires. On the wire: values never change.</summary>
public enum ExpiryKind : byte
{
    /// <summary>A put or insert: after the table's time to live, if it has one. An update: as before.</summary>
    Default = 0,

    /// <summary>At a time.</summary>
    At = 1,

    /// <summary>So long after the log time of the command.</summary>
    After = 2,

    Never = 3,
}

/// <summary>When a row expires, by log time.</summary>
/// <param name="Kind">How <paramref name="Micros"/> is meant.</param>
/// <param name="Micros">Microseconds since 1970-01-01 00:00 UTC (<see cref="ExpiryKind.At"/>), microseconds (<see cref="ExpiryKind.After"/>), else 0.</param>
public readonly record struct Expiry(ExpiryKind Kind, long Micros)
{
    public static Expiry Default => default;

    public static Expiry Never => new(ExpiryKind.Never, 0);

    public static Expiry At(DateTimeOffset time) => new(ExpiryKind.At, CellValue.MicrosOf(time));

    public static Expiry After(TimeSpan time) => new(ExpiryKind.After, time.Ticks / TimeSpan.TicksPerMicrosecond);
}
