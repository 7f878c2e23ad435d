namespace Delos.Daemon.Storage;

/// <summary>
/// What later generations prove of an earlier one that has no closed marker (the process died between its last commit and the marker, or the disk was full).
/// <para>
/// A generation takes no append once the next one is there, and each commit round makes closing generations durable before it writes the first byte of the live one
/// (<see cref="RecordLog"/>.CommitAll); recovery syncs what it found before any append. So one record that is seen in a later generation proves that all of the earlier one was durable:
/// nothing of it can be a torn end (trap 26). The first record of a generation, its <em>opening</em>, also tells where the one before it ended, so that a lost last record shows even where
/// its header is lost: it is a checkpoint with the number of that generation as its count and the end as its first position, and with each Loglet's end.
/// </para>
/// What cannot be told: damage to the last records of the last generation of all, done while the process was down. Until a checkpoint, a marker or a later record proves them, they look like an interrupted
/// write; <see cref="StorageOptions.IdleCheckpoint"/> bounds how long that is.
/// </summary>
/// <param name="IsWhole">Everything of the generation was durable.</param>
/// <param name="Tail">Where it ended; 0: not known.</param>
internal readonly record struct GenerationProof(bool IsWhole, long Tail)
{
    /// <summary>The template of an opening.</summary>
    public static RecordHeader Opening(uint previous, long tail) => new() { Kind = RecordKind.Checkpoint, Count = (int)previous, First = tail };

    /// <param name="name">The generation.</param>
    /// <param name="later">Those behind it, in order.</param>
    public static GenerationProof Of(GenerationName name, ReadOnlySpan<GenerationFiles> later)
    {
        var isWhole = false;
        foreach (var files in later)
        {
            if (!GenerationScan.TryFindFirst(files, out var first)) continue;
            isWhole = true;
            if (first is { Kind: RecordKind.Checkpoint, Address: LogAddress.FirstLocal } && first.Count == (int)name.Number && LogAddress.IsTail(first.First)) return new GenerationProof(true, first.First);
        }

        return new GenerationProof(isWhole, 0);
    }
}
