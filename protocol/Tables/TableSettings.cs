namespace Delos.Protocol.Tables;

/// <summary>What can be set on a table at any time; it holds for later commands.</summary>
/// <param name="MaxRows">Most rows; 0: no bound.</param>
/// <param name="MaxBytes">Most bytes of rows, keys included, indexes not; 0: no bound.</param>
/// <param name="MaxRowBytes">Most bytes of one row; 0: <see cref="TableLimits.RowBytes"/>.</param>
/// <param name="TtlMicros">After how many microseconds of log time a row expires that is put without a word about it; 0: never.</param>
/// <param name="RetainedChanges">Changes kept for watchers and optimistic transactions; 0: <see cref="TableLimits.DefaultRetainedChanges"/>.</param>
/// <param name="RetainedChangeBytes">Most bytes of them; 0: <see cref="TableLimits.DefaultRetainedChangeBytes"/>.</param>
public sealed record TableSettings(long MaxRows = 0, long MaxBytes = 0, int MaxRowBytes = 0, long TtlMicros = 0, long RetainedChanges = 0, long RetainedChangeBytes = 0)
{
    public static TableSettings Default { get; } = new();

    /// <summary>What is wrong with them; null: nothing.</summary>
    public string? Problem
    {
        get
        {
            if (MaxRows < 0 || MaxBytes < 0 || MaxRowBytes < 0 || TtlMicros < 0 || RetainedChanges < 0 || RetainedChangeBytes < 0) return "a table's settings are not negative (0 stands for the default)";
            if (MaxRowBytes > TableLimits.RowBytes) return $"max_row_bytes is at most {TableLimits.RowBytes}";
            return TtlMicros > TableLimits.TtlMicros ? $"ttl is at most {TableLimits.TtlMicros} microseconds" : null;
        }
    }

    internal int RowBytesLimit => MaxRowBytes == 0 ? TableLimits.RowBytes : MaxRowBytes;
}
