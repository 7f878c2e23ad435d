using Delos.Protocol.Blocks;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Protocol.Connections;

/// <summary>Limits and times of a connection, and which way it takes. Immutable; validated by whoever starts connections with it.</summary>
public sealed record ConnectionOptions
{
    public static ConnectionOptions Default { get; } = new();

    /// <summary>Largest frame received, header included. Bytes.</summary>
    public int MaxFrameBytes { get; init; } = PeerLimits.Default.MaxFrameBytes;

    /// <summary>Bytes queued for a peer that does not read, past which it is disconnected.</summary>
    public long MaxQueuedBytes { get; init; } = 64 << 20;

    /// <summary>From the connected or accepted socket to the end of the handshake; also for finding a name's addresses.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a dial waits for the peer's machine before it fails. Below a second, after which the kernel would ask again, and then only after three and seven: a peer that is back within reach is found sooner by a new dial.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A peer that sent nothing for so long gets a Ping. Zero: no heartbeats.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A peer silent for so long is disconnected.</summary>
    public TimeSpan HeartbeatTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a refused peer has to read the Error frame before the socket is closed.</summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Payload pieces up to this size are copied beside their header instead of being sent by reference. Bytes; 0 copies nothing, which measures as fast where one system call
    /// gathers hundreds of pieces (<see cref="GatheredSend"/>).
    /// </summary>
    public int CopyThreshold { get; init; }

    /// <summary>The kernel's buffers; 0 leaves them to the kernel.</summary>
    public int SendBufferBytes { get; init; }

    /// <inheritdoc cref="SendBufferBytes"/>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>Dials of this address go to the listener of this process without a socket; null: all dials use sockets.</summary>
    public InProcessRoute? InProcess { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public ILogger Logger { get; init; } = NullLogger.Instance;

    public BlockPool Pool { get; init; } = BlockPool.Shared;

    /// <summary>Throws <see cref="ArgumentException"/> that names the wrong value; returns itself.</summary>
    public ConnectionOptions Validate()
    {
        if (MaxFrameBytes < PeerLimits.MinFrameBytes) throw new ArgumentException($"{nameof(MaxFrameBytes)} is {MaxFrameBytes}; at least {PeerLimits.MinFrameBytes} are needed.");
        if (MaxQueuedBytes < MaxFrameBytes) throw new ArgumentException($"{nameof(MaxQueuedBytes)} is {MaxQueuedBytes}, less than one frame ({MaxFrameBytes}).");
        if (HelloTimeout <= TimeSpan.Zero) throw new ArgumentException($"{nameof(HelloTimeout)} must be positive.");
        if (ConnectTimeout <= TimeSpan.Zero) throw new ArgumentException($"{nameof(ConnectTimeout)} must be positive.");
        if (HeartbeatInterval < TimeSpan.Zero) throw new ArgumentException($"{nameof(HeartbeatInterval)} must not be negative.");
        if (HeartbeatInterval > TimeSpan.Zero && HeartbeatTimeout < HeartbeatInterval) throw new ArgumentException($"{nameof(HeartbeatTimeout)} must be at least {nameof(HeartbeatInterval)}.");
        if (CopyThreshold < 0) throw new ArgumentException($"{nameof(CopyThreshold)} must not be negative.");
        return this;
    }
}
