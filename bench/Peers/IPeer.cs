namespace Delos.Bench.Peers;

/// <summary>A replicated, durable system on this machine: three servers on loopback, as its own documentation sets it up.</summary>
internal interface IPeer : IAsyncDisposable
{
    string Name { get; }

    /// <summary>What an acknowledged write has survived, and the settings that make it so.</summary>
    string Durability { get; }

    /// <summary>What one write of the load is.</summary>
    string Write { get; }

    /// <summary>What one linearizable read is; null: there is none.</summary>
    string? Read { get; }

    /// <summary>What one scan of <see cref="PeersPlan.ScanRows"/> rows in the order of their keys is; null: there is none.</summary>
    string? Scan => null;

    /// <summary>How a reader at the tail is given what is written; null: there is no such thing.</summary>
    string? Tail { get; }

    /// <summary>The servers that run.</summary>
    IReadOnlyList<int> ProcessIds { get; }

    /// <summary>Starts the servers and waits until they take writes.</summary>
    Task StartAsync(string directory, CancellationToken cancellationToken);

    /// <summary>As its program says.</summary>
    Task<string> VersionAsync(CancellationToken cancellationToken);

    /// <summary>A connection of its own, not to the leader if that can be chosen, so that it survives the leader's death.</summary>
    Task<IPeerClient> ConnectAsync(CancellationToken cancellationToken);

    /// <summary>A reader of what is written from now on, on a connection of its own. Only if there is a <see cref="Tail"/>.</summary>
    Task<ITailReader> FollowAsync(CancellationToken cancellationToken);

    /// <summary>SIGKILL of the server that orders writes now.</summary>
    Task KillLeaderAsync(CancellationToken cancellationToken);
}

/// <summary>
/// Any number of calls may be under way at a time. What they return is what the system says, a position or a number of rows, or 0. Nobody looks at it; but to drop it a call would have to be awaited, once for each, and that would be measured, too.
/// </summary>
internal interface IPeerClient : IAsyncDisposable
{
    /// <exception cref="Exception">It failed, or its outcome is not known. To be tried again if it is a <see cref="IsFailure"/>.</exception>
    ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload);

    /// <summary>Whether what a call threw is a failure of the system, and not of this program.</summary>
    bool IsFailure(Exception exception) => exception is PeerException;

    /// <exception cref="Exception">It failed.</exception>
    ValueTask<long> ReadAsync();

    /// <summary>Reads the first so many rows in the order of their keys, all of one moment, linearizable. Only if there is a <see cref="IPeer.Scan"/>.</summary>
    /// <exception cref="Exception">It failed, or there were fewer.</exception>
    ValueTask<long> ScanAsync(int rows) => throw new NotSupportedException("There are no scans.");
}

/// <summary>Reads until it is disposed.</summary>
internal interface ITailReader : IAsyncDisposable
{
    /// <summary>Writes that were delivered so far.</summary>
    long Delivered { get; }

    /// <summary>Why it reads no more; null while it does.</summary>
    Exception? Failure { get; }
}

/// <summary>A peer did not do what it was asked.</summary>
internal sealed class PeerException(string message, Exception? innerException = null) : Exception(message, innerException);
