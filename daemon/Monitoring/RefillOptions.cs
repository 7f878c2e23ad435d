namespace Delos.Daemon.Monitoring;

/// <summary>Times and bounds of refilling. Immutable.</summary>
internal sealed record RefillOptions
{
    /// <summary>How often all chains are looked through.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>An open replica that stood still behind the global tail for so long is helped by its peers; before, its sequencer is expected to send what it lacks.</summary>
    public TimeSpan OpenGrace { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Copied at most per second, so that appends and reads of others go on undisturbed.</summary>
    public long BytesPerSecond { get; init; } = 64 << 20;

    public int ChunkBytes { get; init; } = 512 << 10;

    /// <summary>How long a peer has for an answer.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
