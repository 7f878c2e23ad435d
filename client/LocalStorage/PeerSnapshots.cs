using System.Diagnostics;
using Delos.LocalStorage.Peers;
using Delos.LocalStorage.Rocks;
using Delos.Protocol.Connections;
using Delos.Runtime;
using Microsoft.Extensions.Logging;

namespace Delos.LocalStorage;

/// <summary>
/// Snapshots that each replica keeps in a directory of its own, and copies from the others when it needs one. A copy lies beside the own snapshots, but is neither listed nor offered to others: only who wrote a snapshot knows that its
/// state was agreed upon, and can withdraw it. It goes when the replica has written one of its own.
/// </summary>
public sealed class PeerSnapshots : ISnapshotStore, IDisposable
{
    private const string Fetching = "fetching";
    private const string Fetched = "fetched-";

    private readonly DirectorySnapshots _own;
    private readonly string _log;
    private readonly Func<CancellationToken, ValueTask<IReadOnlyList<uint>>> _peers;
    private readonly Func<uint, CancellationToken, ValueTask<Connection>> _connect;
    private readonly PeerSnapshotsOptions _options;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _one = new(1);

    /// <param name="own">This replica's directory, which no other one uses; the node's snapshot service shows it to the others.</param>
    /// <param name="log">Of which log's state: nodes may keep snapshots of several.</param>
    /// <param name="peers">The nodes that may have snapshots, as of now, without this one; asked for at every list and copy.</param>
    /// <param name="connect">A connection to such a node, shared or not; it is not closed here. Its failures are those of the node.</param>
    /// <param name="options">Settings; null: as they are unless set.</param>
    public PeerSnapshots(
        DirectorySnapshots own, string log, Func<CancellationToken, ValueTask<IReadOnlyList<uint>>> peers, Func<uint, CancellationToken, ValueTask<Connection>> connect, PeerSnapshotsOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(own);
        ArgumentException.ThrowIfNullOrEmpty(log);
        ArgumentNullException.ThrowIfNull(peers);
        ArgumentNullException.ThrowIfNull(connect);
        _own = own;
        _log = log;
        _peers = peers;
        _connect = connect;
        _options = (options ?? new PeerSnapshotsOptions()).Validate();
        _logger = _options.LoggerFactory.CreateLogger("Delos.Snapshots");
    }

    public bool IsShared => false;

    public async ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken)
    {
        var own = await _own.ListAsync(cancellationToken).ConfigureAwait(false);
        var theirs = await Task.WhenAll((await PeersAsync(cancellationToken).ConfigureAwait(false)).Select(n => ListAsync(n, cancellationToken))).ConfigureAwait(false);
        return [.. theirs.Append(own).SelectMany(static s => s).Distinct().OrderByDescending(static s => s.Cursor).ThenBy(static s => s.Replica)];
    }

    public ValueTask<IReadOnlyList<SnapshotInfo>> ListOwnAsync(CancellationToken cancellationToken) => _own.ListAsync(cancellationToken);

    public async ValueTask<SnapshotInfo> SaveAsync(ulong replica, Func<string, ValueTask<long>> write, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var snapshot = await _own.SaveAsync(replica, write, cancellationToken).ConfigureAwait(false);
            ForgetFetched();
            return snapshot;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The own one, or a copy of a peer's. Peers are tried one after the other, and again as long as that brings anything; what one gave is kept when it fails. A copy that is given up leaves nothing behind.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or nobody who has it can be reached.</exception>
    /// <exception cref="IOException">The own disk failed.</exception>
    public async ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (_own.Has(snapshot)) return await _own.FetchAsync(snapshot, cancellationToken).ConfigureAwait(false);
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await CopyAsync(snapshot, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    public bool IsInUse(SnapshotInfo snapshot) => _own.IsInUse(snapshot);

    public ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken) => _own.DeleteAsync(snapshot, cancellationToken);

    public void Dispose() => _one.Dispose();

    private async ValueTask<string> CopyAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        var target = Path.Combine(_own.Root, Fetched + DirectorySnapshots.NameOf(snapshot));
        if (await IsWholeAsync(target, cancellationToken).ConfigureAwait(false)) return Path.Combine(target, DirectorySnapshots.State);
        StoreFiles.EnsureDirectory(_own.Root);
        ForgetFetched();
        var partial = Path.Combine(_own.Root, Fetching);
        StoreFiles.Delete(partial);
        try
        {
            Directory.CreateDirectory(partial);
            await FillAsync(new SnapshotCopy(partial, snapshot), snapshot, cancellationToken).ConfigureAwait(false);
            Posix.Rename(partial, target);
        }
        catch
        {
            StoreFiles.Delete(partial);
            throw;
        }

        Posix.SyncDirectory(_own.Root);
        return Path.Combine(target, DirectorySnapshots.State);
    }

    private async ValueTask FillAsync(SnapshotCopy copy, SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        var damaged = new HashSet<uint>();
        Exception? last = null;
        while (true)
        {
            var before = copy.Received;
            foreach (var node in (await PeersAsync(cancellationToken).ConfigureAwait(false)).Where(n => !damaged.Contains(n)))
            {
                try
                {
                    var peer = new SnapshotPeer(await _connect(node, cancellationToken).ConfigureAwait(false), _log, _options);
                    await copy.FromAsync(peer, cancellationToken).ConfigureAwait(false);
                    _logger.SnapshotFetched(_log, snapshot.Cursor, snapshot.Replica, node, copy.Received, Stopwatch.GetElapsedTime(begun));
                    return;
                }
                catch (Exception e) when (IsOfPeer(e, cancellationToken))
                {
                    _logger.SnapshotPeerPassedOver(_log, node, snapshot.Cursor, snapshot.Replica, e);
                    if (e is InvalidDataException) damaged.Add(node);
                    last = e;
                }
            }

            if (copy.Received == before) throw new InvalidDataException($"No node gives the snapshot at {snapshot.Cursor} of replica {snapshot.Replica}. {last?.Message}", last);
        }
    }

    private async Task<IReadOnlyList<SnapshotInfo>> ListAsync(uint node, CancellationToken cancellationToken)
    {
        try
        {
            return await new SnapshotPeer(await _connect(node, cancellationToken).ConfigureAwait(false), _log, _options).ListAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfPeer(e, cancellationToken))
        {
            _logger.SnapshotsNotListed(_log, node, e.Message);
            return [];
        }
    }

    private async ValueTask<IReadOnlyList<uint>> PeersAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _peers(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfPeer(e, cancellationToken))
        {
            _logger.SnapshotPeersUnknown(_log, e);
            return [];
        }
    }

    /// <summary>Not the own disk's, and not the caller's wish: somebody else may do better.</summary>
    private static bool IsOfPeer(Exception e, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested && e is not (IOException or UnauthorizedAccessException or OutOfMemoryException);

    private static async ValueTask<bool> IsWholeAsync(string directory, CancellationToken cancellationToken)
    {
        if (SnapshotManifest.TryRead(directory) is not { } manifest) return false;
        try
        {
            await manifest.VerifyAsync(Path.Combine(directory, DirectorySnapshots.State), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private void ForgetFetched()
    {
        foreach (var directory in Directory.EnumerateDirectories(_own.Root, Fetched + "*")) StoreFiles.Delete(directory);
    }
}
