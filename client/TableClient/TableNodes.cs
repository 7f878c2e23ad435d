using Delos.Client.MetaStore;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Client.Tables;

/// <summary>The nodes with the role table, as the cluster's node list has them. Thread-safe.</summary>
/// <param name="directory">Has the list.</param>
/// <param name="timeProvider">Of what is done now and then.</param>
/// <param name="prefersSequencer">Move to the node that sequences the tables' log, whichever that is at the time.</param>
internal sealed class TableNodes(NodeDirectory directory, TimeProvider timeProvider, bool prefersSequencer = false)
{
    /// <summary>How often a client in use looks where the sequencer is.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_lookPatience = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly NodeChoice _choice = new(Random.Shared.Next());
    private readonly long _started = timeProvider.GetTimestamp();
    private volatile NodeLink? _link;
    private ulong _version;
    private TimeSpan _lookAt;

    /// <summary>The node to ask next; 0: none is left. The node list is read if it was not yet, or has no table node.</summary>
    /// <param name="tried">Nodes that the operation has asked in vain.</param>
    /// <param name="atMost">How long the list may take.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="DelosException">Unavailable: the node list cannot be read.</exception>
    public async ValueTask<uint> NextAsync(IReadOnlyList<uint> tried, TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (Next(tried, out var any) is var node && (node != 0 || any)) return node;
        await RefreshAsync(atMost, cancellationToken).ConfigureAwait(false);
        return Next(tried, out _);
    }

    /// <summary>All table nodes that are known.</summary>
    public IReadOnlyList<uint> Known
    {
        get
        {
            lock (_lock) return _choice.Nodes;
        }
    }

    /// <summary>The way to that node, if it was the last one to be asked for and is still valid: there most requests go, and the looking up is saved. Null says nothing.</summary>
    public NodeLink? Link(uint node) => _link is { } link && link.Node == node && link.ListVersion == directory.Current.Version && !link.Connection.IsClosed ? link : null;

    /// <summary>The way to that node; dials if need be.</summary>
    /// <exception cref="ConnectionLostException">It cannot be reached.</exception>
    /// <exception cref="DelosProtocolException">Another one answers there.</exception>
    public async ValueTask<NodeLink> LinkAsync(uint node, CancellationToken cancellationToken)
    {
        // Noted before: if the list changes meanwhile, the node is looked up once more.
        var version = directory.Current.Version;
        var connection = await directory.ConnectAsync(node, cancellationToken).ConfigureAwait(false);
        return _link = new NodeLink(node, version, connection, RequestBurst.Of(connection));
    }

    /// <exception cref="ConnectionLostException">It cannot be reached.</exception>
    /// <exception cref="DelosProtocolException">Another one answers there.</exception>
    public ValueTask<Connection> ConnectAsync(uint node, CancellationToken cancellationToken) => directory.ConnectAsync(node, cancellationToken);

    /// <summary>There is a connection now.</summary>
    public bool IsConnected(uint node) => directory.IsConnected(node);

    public void Failed(uint node)
    {
        lock (_lock) _choice.Failed(node, Now);
    }

    public void Answered(uint node)
    {
        var isLookDue = false;
        lock (_lock)
        {
            var now = Now;
            _choice.Answered(node, now);
            if (prefersSequencer && now >= _lookAt)
            {
                _lookAt = now + LookEvery;
                isLookDue = true;
            }
        }

        if (isLookDue) _ = MoveToSequencerAsync(node);
    }

    /// <summary>Reads the node list anew: the roles may have moved. If it cannot be read, what is known of it has to do.</summary>
    /// <param name="atMost">How long that may take.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="DelosException">Unavailable, and no table node is known.</exception>
    public async ValueTask RefreshAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var deadline = Deadline.After(atMost, cancellationToken);
        try
        {
            await directory.RefreshAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (MetaStoreUnavailableException e)
        {
            if (Known.Count == 0) throw new DelosException(DelosErrorCode.Unavailable, e.Message, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            if (Known.Count == 0) throw new DelosException(DelosErrorCode.Unavailable, $"The MetaStore has not given the list of nodes after {atMost.TotalSeconds:0.#} s.", e);
        }
    }

    /// <summary>Beside the requests, which go on; never fails.</summary>
    private async Task MoveToSequencerAsync(uint asked)
    {
        using var deadline = Deadline.After(s_lookPatience, CancellationToken.None);
        try
        {
            var sequencers = await SequencersAsync(asked, deadline.Token).ConfigureAwait(false);
            var sequencer = asked;
            if (!sequencers.Contains(asked))
            {
                var others = sequencers.Intersect(Known).ToArray();
                if (others.Length == 0) return;
                sequencer = others[Random.Shared.Next(others.Length)];

                // Requests that go there are not to wait for a connection that may not come about from here, or for tables that do not work there; nor are two nodes to send a client to each other.
                if (!(await SequencersAsync(sequencer, deadline.Token).ConfigureAwait(false)).Contains(sequencer)) return;
            }

            // Also if it is the one that was asked: a scan goes on where its state is held, while other requests go elsewhere.
            lock (_lock) _choice.Prefer(sequencer, Now);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // It would only have been quicker. Whatever is wrong, the requests themselves will tell.
        }
    }

    /// <summary>Who sequences the tables' log, as that node has it; nobody if it does not serve them.</summary>
    private async ValueTask<IReadOnlyList<uint>> SequencersAsync(uint node, CancellationToken cancellationToken)
    {
        var connection = await directory.ConnectAsync(node, cancellationToken).ConfigureAwait(false);
        using var response = await connection.RequestAsync(new NodeStatus(Brief: true), cancellationToken).ConfigureAwait(false);
        return response.TryRead<NodeStatusReply>(out var reply) && NodeStatusDocument.TryParse(reply.Json.Span, out var status) ? status.TableSequencers : [];
    }

    /// <summary>The node to ask next; 0: none is left.</summary>
    /// <param name="tried">Nodes that the operation has asked in vain.</param>
    /// <param name="any">Whether any table node is known.</param>
    public uint Next(IReadOnlyList<uint> tried, out bool any)
    {
        var list = directory.Current;
        lock (_lock)
        {
            if (list.Version > _version)
            {
                _version = list.Version;
                _choice.Update([.. list.Nodes.Where(static n => (n.Roles & NodeRoles.Table) != 0).Select(static n => n.NodeId)]);
            }

            any = _choice.Nodes.Count > 0;
            return _choice.Next(tried, Now);
        }
    }

    private TimeSpan Now => timeProvider.GetElapsedTime(_started);
}
