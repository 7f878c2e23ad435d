using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Node;

/// <summary>
/// Gives every frame to the role that it is for. One router serves the listener's connections and those that the node dialled itself, since a peer pair has one
/// connection and a sequencer's acknowledgements come back on the one that it dialled.
/// </summary>
/// <remarks>Roles are attached while the node starts and connections already come in; until then their requests are answered "unavailable", which peers retry.</remarks>
internal sealed class NodeFrameRouter(NodeRoles roles) : IFrameHandler
{
    private volatile IFrameHandler? _sequencer;
    private volatile IFrameHandler? _logServer;
    private volatile IFrameHandler? _metaStore;
    private volatile IFrameHandler? _table;
    private volatile IFrameHandler? _snapshots;
    private volatile IFrameHandler? _loglets;
    private volatile NodeStatusReporter? _status;

    public void Attach(NodeRoles role, IFrameHandler service)
    {
        switch (role)
        {
            case NodeRoles.Sequencer:
                _sequencer = service;
                break;
            case NodeRoles.LogServer:
                _logServer = service;
                break;
            case NodeRoles.MetaStore:
                _metaStore = service;
                break;
            case NodeRoles.Table:
                _table = service;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(role), role, "One role at a time.");
        }
    }

    /// <summary>What the node's own clients of Loglets (segment monitor, refill) are sent.</summary>
    public void AttachLoglets(IFrameHandler loglets) => _loglets = loglets;

    /// <summary>What gives a replica's snapshots to the others; with the role table.</summary>
    public void AttachSnapshots(IFrameHandler snapshots) => _snapshots = snapshots;

    public void AttachStatus(NodeStatusReporter status) => _status = status;

    public void OnFrame(Connection connection, in Frame frame)
    {
        try
        {
            Route(connection, frame);
        }
        catch (OutOfMemoryException e)
        {
            LackOfMemory.EndProcess(e);
        }
    }

    public void OnBatchEnd(Connection connection)
    {
        try
        {
            _sequencer?.OnBatchEnd(connection);
            _logServer?.OnBatchEnd(connection);
            _metaStore?.OnBatchEnd(connection);
            _table?.OnBatchEnd(connection);
            _loglets?.OnBatchEnd(connection);
        }
        catch (OutOfMemoryException e)
        {
            LackOfMemory.EndProcess(e);
        }
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        _sequencer?.OnClosed(connection, reason);
        _logServer?.OnClosed(connection, reason);
        _metaStore?.OnClosed(connection, reason);
        _table?.OnClosed(connection, reason);
        _loglets?.OnClosed(connection, reason);
    }

    private void Route(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Append or FrameType.CheckTail or FrameType.Fill or FrameType.OpenLoglet or FrameType.StoreAck or FrameType.ConfirmReply:
                Give(_sequencer, NodeRoles.Sequencer, connection, frame);
                break;
            case FrameType.Store or FrameType.GlobalTail or FrameType.Confirm or FrameType.Status or FrameType.Seal or FrameType.Read or FrameType.Subscribe
                or FrameType.Credit or FrameType.Unsubscribe or FrameType.Trim or FrameType.Repair or FrameType.DeleteLoglet:
                Give(_logServer, NodeRoles.LogServer, connection, frame);
                break;
            case FrameType.MetaPrepare or FrameType.MetaAccept or FrameType.MetaRead or FrameType.MetaList:
                Give(_metaStore, NodeRoles.MetaStore, connection, frame);
                break;
            case FrameType.TableRead or FrameType.TablePropose or FrameType.TableOpenSession or FrameType.TableRelease:
                Give(_table, NodeRoles.Table, connection, frame);
                break;
            case FrameType.SnapshotList or FrameType.SnapshotRead or FrameType.SnapshotWrite:
                Give(_snapshots, NodeRoles.Table, connection, frame);
                break;
            case FrameType.NodeStatus:
                if (_status is { } status) status.OnFrame(connection, frame);
                else connection.ReplyError(StatusCode.Unavailable, "the node is starting", frame.CorrelationId);
                break;
            case FrameType.AppendReply or FrameType.Entries:
                _loglets?.OnFrame(connection, frame);
                break;
            default:
                // An answer whose request was given up: nobody waits for it any more. Anything else is not for a node.
                if (!frame.IsReply) connection.ReplyError(StatusCode.NotServed, $"{frame.Type} is not for a node", frame.CorrelationId);
                break;
        }
    }

    private void Give(IFrameHandler? service, NodeRoles role, Connection connection, in Frame frame)
    {
        if (service is not null) service.OnFrame(connection, frame);
        else if (frame.IsReply) return;
        else if ((roles & role) == 0) connection.ReplyError(StatusCode.NotServed, $"this node does not have the role {role.ToString().ToLowerInvariant()}", frame.CorrelationId);
        else if (role == NodeRoles.LogServer) StartingLogServer.OnFrame(connection, frame);
        else connection.ReplyError(StatusCode.Unavailable, $"the role {role.ToString().ToLowerInvariant()} is starting", frame.CorrelationId);
    }
}
