namespace Delos.Daemon.Storage;

/// <summary>Addresses of a whole log: the generation's number above, the place inside it below. They rise over all generations.</summary>
internal static class LogAddress
{
    private const int LocalBits = 40;

    /// <summary>Where FasterLog starts a new log.</summary>
    public const long FirstLocal = 64;

    /// <summary>Can be the end of a generation that holds something.</summary>
    public static bool IsTail(long local) => local > FirstLocal && local < 1L << LocalBits;

    public static long Make(uint generation, long local) => ((long)generation << LocalBits) | local;

    public static uint Generation(long address) => (uint)(address >> LocalBits);

    public static long Local(long address) => address & ((1L << LocalBits) - 1);
}
