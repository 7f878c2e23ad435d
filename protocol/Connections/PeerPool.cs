using System.Net;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Connections;

/// <summary>
/// One multiplexed connection per peer address: dialled by the first who needs it, shared by all, dialled anew after a loss. Thread-safe.
/// </summary>
/// <param name="handler">Gets the frames that are no replies to requests, of all the pool's connections.</param>
public sealed class PeerPool(LocalPeer me, Guid expectedCluster, IFrameHandler handler, ConnectionOptions options) : IAsyncDisposable
{
    /// <summary>How long a failed dial is the answer to others, too: a crowd of waiters must not dial a dead peer one after the other.</summary>
    private static readonly TimeSpan s_failureLifetime = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a peer counts as lost if nobody has tried since: it may be back.</summary>
    private static readonly TimeSpan s_lossLifetime = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<EndPoint, Entry> _entries = [];
    private readonly CancellationTokenSource _stopping = new();
    private bool _disposed;

    /// <summary>
    /// The connection to the peer at that address. Fails like <see cref="Connector"/>; cancelling gives up waiting, not the dial, which others may share.
    /// </summary>
    /// <param name="expectedNodeId">0: any.</param>
    public ValueTask<Connection> GetAsync(EndPoint endPoint, uint expectedNodeId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        Task<Connection> dial;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_entries.TryGetValue(endPoint, out var entry)) _entries[endPoint] = entry = new Entry();
            if (entry.Live is { IsClosed: false } live) return Verified(live, endPoint, expectedNodeId);
            if (entry.Dial is null || IsStale(entry))
            {
                NoteLoss(entry);
                entry.Dial = DialAsync(endPoint, entry);
            }

            dial = entry.Dial;
        }

        return AwaitAsync(dial, endPoint, expectedNodeId, cancellationToken);
    }

    /// <summary>The live connection to that address, or null; never dials.</summary>
    public Connection? TryGet(EndPoint endPoint)
    {
        lock (_lock) return _entries.TryGetValue(endPoint, out var entry) && entry.Live is { IsClosed: false } live ? live : null;
    }

    /// <summary>There is no connection to that address, and a moment ago the last one broke, or could not be made: whoever can ask somebody else should. False if nobody has tried for a second.</summary>
    public bool IsLost(EndPoint endPoint)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(endPoint, out var entry) || entry.Live is { IsClosed: false }) return false;
            NoteLoss(entry);
            return entry.LostAt is { } at && options.TimeProvider.GetElapsedTime(at) < s_lossLifetime;
        }
    }

    /// <summary>Closes all connections and waits until all is released.</summary>
    public async ValueTask DisposeAsync()
    {
        Entry[] entries;
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            entries = [.. _entries.Values];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (var entry in entries)
        {
            if (entry.Dial is null) continue;
            await ((Task)entry.Dial).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (entry.Dial.IsCompletedSuccessfully) await entry.Dial.Result.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    /// <summary>Forgets a connection that has closed.</summary>
    private void NoteLoss(Entry entry)
    {
        if (entry.Live is not { IsClosed: true }) return;
        entry.Live = null;
        entry.LostAt = options.TimeProvider.GetTimestamp();
    }

    private bool IsStale(Entry entry) => entry.Dial switch
    {
        { IsCompletedSuccessfully: true } => true,
        { IsCompleted: true } => options.TimeProvider.GetElapsedTime(entry.FailedAt) > s_failureLifetime,
        _ => false,
    };

    private async Task<Connection> DialAsync(EndPoint endPoint, Entry entry)
    {
        // Off the caller's thread and lock: connecting may resolve names.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var connection = await Connector.ConnectAsync(endPoint, me, expectedCluster, 0, handler, options, _stopping.Token).ConfigureAwait(false);
            lock (_lock)
            {
                entry.Live = connection;
                entry.LostAt = null;
            }

            return connection;
        }
        catch
        {
            lock (_lock)
            {
                entry.FailedAt = options.TimeProvider.GetTimestamp();
                entry.LostAt = entry.FailedAt;
            }

            throw;
        }
    }

    private static async ValueTask<Connection> AwaitAsync(Task<Connection> dial, EndPoint endPoint, uint expectedNodeId, CancellationToken cancellationToken) =>
        await Verified(await dial.WaitAsync(cancellationToken).ConfigureAwait(false), endPoint, expectedNodeId).ConfigureAwait(false);

    private static ValueTask<Connection> Verified(Connection connection, EndPoint endPoint, uint expectedNodeId) =>
        expectedNodeId == 0 || connection.Peer.NodeId == expectedNodeId
            ? new ValueTask<Connection>(connection)
            : ValueTask.FromException<Connection>(new DelosProtocolException(StatusCode.WrongNode, $"Node {connection.Peer.NodeId} answers at {endPoint}; node {expectedNodeId} was expected."));

    private sealed class Entry
    {
        public Task<Connection>? Dial { get; set; }

        public Connection? Live { get; set; }

        public long FailedAt { get; set; }

        public long? LostAt { get; set; }
    }
}
