using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.LocalStorage.Peers;

/// <summary>Settings of <see cref="PeerSnapshots"/>; immutable, checked once.</summary>
public sealed record PeerSnapshotsOptions
{
    /// <summary>Bytes asked for at a time; 512 KiB unless set. A peer may give less.</summary>
    public int ChunkBytes { get; init; } = 512 << 10;

    /// <summary>Chunks under way at a time; 4 unless set. Times <see cref="ChunkBytes"/> it is what a copy takes of memory.</summary>
    public int Window { get; init; } = 4;

    /// <summary>A peer that has not answered one request for so long is passed over; 10 s unless set.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    internal PeerSnapshotsOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ChunkBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Window, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        return this;
    }
}
