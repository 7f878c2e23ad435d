namespace Delos.Daemon.Snapshots;

/// <summary>Limits of a <see cref="SnapshotService"/>.</summary>
internal sealed record SnapshotServiceOptions
{
    /// <summary>Most bytes of one answer; 1 MiB unless set. Who asks for more gets so much.</summary>
    public int MaxChunkBytes { get; init; } = 1 << 20;

    /// <summary>Requests served at a time; 2 unless set.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>Requests that may wait; 256 unless set. Further ones are refused.</summary>
    public int MaxQueued { get; init; } = 256;
}
