using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Client;

/// <summary>Settings of a client; immutable, checked once when the client is made.</summary>
public sealed record DelosClientOptions
{
    public static DelosClientOptions Default { get; } = new();

    /// <summary>The cluster that the endpoints must belong to; <see cref="Guid.Empty"/>: any, the first one reached is kept to.</summary>
    public Guid ClusterId { get; init; }

    /// <summary>Largest payload of one entry, bytes; 1 MiB unless set. The daemons have a limit of their own.</summary>
    public int MaxEntryBytes { get; init; } = 1 << 20;

    /// <summary>Appends of one log handle that may be unanswered; the next <c>AppendAsync</c> waits. 65,536 unless set, which is also the most: sequencers remember no more.</summary>
    public int MaxInFlightAppends { get; init; } = Protocol.Messages.Append.MaxWindow;

    /// <summary>Bytes of unanswered appends of one log handle; the next <c>AppendAsync</c> waits. 64 MiB unless set.</summary>
    public long MaxInFlightBytes { get; init; } = 64L << 20;

    /// <summary>
    /// How long a handle that met a sealed segment waits for somebody else's successor before it extends the chain itself.
    /// The daemons' segment monitors normally win.
    /// </summary>
    public TimeSpan RollForwardAfter { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Random addition to <see cref="RollForwardAfter"/>, so that the clients of one log do not all act at once.</summary>
    public TimeSpan RollForwardJitter { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a Loglet that left the chain is kept for readers of the old chain before it is deleted.</summary>
    public TimeSpan DeleteGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long checkTail, reads, trims and appends that were not sent yet go on trying before they fail with Unavailable. An append that may be in the log is pursued until it is resolved.
    /// </summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long disposing a log handle waits for its unanswered appends.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Payload bytes asked for by one read, about; 1 MiB unless set. An enumeration holds twice as much again that it has asked for ahead, four times where sizes differ much.</summary>
    public int ReadBytes { get; init; } = 1 << 20;

    /// <summary>
    /// Run continuations of appends on the connection's receive loop; what those that were answered together append is sent together when all of them have run. Faster for code that never blocks, and only for that: whoever
    /// blocks there holds up all answers. Not for striped logs, whose answers come in small pieces. False unless set.
    /// </summary>
    public bool InlineContinuations { get; init; }

    /// <summary>Start an <see cref="System.Diagnostics.Activity"/> for each append as well, not only for slow operations. Costs an allocation per append while somebody listens.</summary>
    public bool TraceAppends { get; init; }

    /// <summary>The way to the node in whose process this client is; null: over sockets, as to all others.</summary>
    internal Protocol.Connections.InProcessRoute? InProcess { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    internal DelosClientOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntryBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxEntryBytes, Protocol.Entries.EntryCodec.MaxPayload);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightAppends, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxInFlightAppends, Protocol.Messages.Append.MaxWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightBytes, MaxEntryBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(RollForwardAfter, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(RollForwardJitter, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(DeleteGrace, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReadBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(OperationTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(CloseTimeout, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        return this;
    }
}
