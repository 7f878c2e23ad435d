using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>The shell of one <see cref="SequencerCore"/>, as daemon/Sequencers/LogletSequencer.cs and SocketReplicaLink.cs have it.</summary>
internal sealed class SimSequencer : ISequencerOutputs
{
    private readonly SimNode _node;
    private readonly SequencerCore _core;
    private readonly SimConnection?[] _links;
    private readonly EntryRunReader _reader = new();
    private readonly int _life;

    // Requests for the tail without an answer; those of the mutant that joined a round.
    private readonly HashSet<ulong> _asked = [];
    private readonly List<(SimConnection Connection, ulong Correlation)> _joined = [];
    private readonly HashSet<SimConnection> _paused = [];
    private bool _flushing;
    private bool _announcing;
    private bool _stopped;

    public SimSequencer(SimNode node, LogletConfig config)
    {
        _node = node;
        _life = node.Life;
        Config = config;
        _core = new SequencerCore(config, node.Cluster.SequencerOptions, this, node.Milliseconds);
        _links = new SimConnection?[config.Replicas.Count];
        for (var i = 0; i < _links.Length; i++)
        {
            var replica = i;
            node.World.Spawn(() => LinkAsync(replica));
        }

        Tick();
    }

    public LogletConfig Config { get; }

    private bool IsOver => _stopped || _node.Life != _life;

    public void Append(SimConnection connection, in Append message, byte[] payload)
    {
        var bytes = new ReadOnlySequence<byte>(payload);
        if (_reader.Read(bytes, message.ClientId, message.Count, 1000) != StatusCode.Ok) throw new InvalidOperationException("A client sent a malformed Append.");
        _core.OnAppend(connection, message.ClientId, message.Floor, _reader.Runs, bytes);
        FlushSoon();
    }

    public void CheckTail(SimConnection connection, ulong correlation)
    {
        if (_node.Mutant == SimMutant.StaleFastTail && _core.State == SequencerState.Open)
        {
            _node.Network.Reply(connection, _node, correlation, new CheckTailReply(StatusCode.Ok, _core.GlobalTail));
            return;
        }

        if (_node.Mutant == SimMutant.JoinedRound && _asked.Count > 0)
        {
            _joined.Add((connection, correlation));
            return;
        }

        _asked.Add(correlation);
        _core.OnCheckTail(connection, correlation);
        FlushSoon();
    }

    public void Fill(SimConnection connection, ulong correlation, long upTo)
    {
        if (_core.NextPosition < upTo) _node.World.Count("stripe filled");
        _core.OnFill(connection, correlation, upTo);
        FlushSoon();
    }

    public void Open(SimConnection connection, ulong correlation) => _core.OnOpen(connection, correlation);

    public void StoreAck(SimConnection connection, in StoreAck message)
    {
        if (Array.IndexOf(_links, connection) is >= 0 and var replica) _core.OnStoreAck(replica, message.Status, message.DurableTail, message.AcceptedTail, wantsTail: _node.World.Chance(30));
        FlushSoon();
    }

    public void ConfirmReply(SimConnection connection, in ConfirmReply message)
    {
        if (Array.IndexOf(_links, connection) is >= 0 and var replica) _core.OnConfirmReply(replica, message.Round, message.Status, message.DurableTail);
        FlushSoon();
    }

    public void Lost(SimConnection connection)
    {
        if (Array.IndexOf(_links, connection) is not (>= 0 and var replica)) return;
        _links[replica] = null;
        _core.OnReplicaLost(replica);
        if (!IsOver) _node.World.Spawn(() => LinkAsync(replica));
    }

    /// <summary>The process died: lets go of the retained payloads, and says nothing more.</summary>
    public void Drop()
    {
        _stopped = true;
        _core.OnStoreAck(0, StatusCode.WrongIncarnation, 0, 0);
    }

    private async Task LinkAsync(int replica)
    {
        var target = _node.Cluster.Node(Config.Replicas[replica].NodeId);
        while (!IsOver)
        {
            var connection = await _node.Network.DialAsync(_node, target);
            if (IsOver) return;

            // The hello says which disk answers: another one is another replica.
            if (connection is { IsClosed: false } && connection.IsOf(_node) && (target.Disk.DiskId == Config.Replicas[replica].DiskId || _node.Mutant == SimMutant.WipedDisk))
            {
                _links[replica] = connection;
                _core.OnReplicaConnected(replica);
                FlushSoon();
                return;
            }

            await _node.Delay(5_000 + _node.World.Random.Next(20_000));
        }
    }

    private void FlushSoon()
    {
        if (_flushing || IsOver) return;
        _flushing = true;
        _node.After(_node.World.Random.Next(60), () =>
        {
            _flushing = false;
            if (IsOver) return;
            _core.Flush();
            AnnounceLater();
        });
    }

    private void AnnounceLater()
    {
        if (IsOver) return;
        var news = _core.TailNews;
        if (news == TailNews.Now) _core.TellTail();
        if (news != TailNews.Later || _announcing) return;
        _announcing = true;
        _node.After(1000, () =>
        {
            _announcing = false;
            if (IsOver) return;
            _core.TellTail();
            AnnounceLater();
        });
    }

    private void Tick()
    {
        if (IsOver) return;
        _core.OnTick(_node.Milliseconds);
        AnnounceLater();
        _node.After(20_000, Tick);
    }

    void ISequencerOutputs.SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail) =>
        Send(replica, new Store(Config.Id, Config.Incarnation, first, (uint)count, globalTail, withConfig ? Config : null), payload?.AsSequence().ToArray() ?? []);

    void ISequencerOutputs.SendConfirm(int replica, ulong round) => Send(replica, new Confirm(Config.Id, Config.Incarnation, round), null);

    void ISequencerOutputs.SendGlobalTail(int replica, long tail)
    {
        if (_node.Mutant != SimMutant.UnannouncedTail) Send(replica, new GlobalTail(Config.Id, Config.Incarnation, tail), null);
    }

    void ISequencerOutputs.SendSeal(int replica)
    {
        if (!IsOver) _node.World.Spawn(() => SealAsync(replica));
    }

    void ISequencerOutputs.ReplyAppend(object waiter, in AppendReply reply)
    {
        if (!_stopped) _node.Post((SimConnection)waiter, reply);
    }

    void ISequencerOutputs.ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail)
    {
        if (_stopped) return;
        _node.Network.Reply((SimConnection)waiter, _node, correlationId, new CheckTailReply(status, tail));
        _asked.Remove(correlationId);
        foreach (var (connection, correlation) in _joined) _node.Network.Reply(connection, _node, correlation, new CheckTailReply(status, tail));
        _joined.Clear();
    }

    void ISequencerOutputs.ReplyOpen(object waiter, ulong correlationId, StatusCode status)
    {
        if (!_stopped) _node.Network.Reply((SimConnection)waiter, _node, correlationId, new OpenLogletReply(status));
    }

    void ISequencerOutputs.PauseReading(object waiter)
    {
        var connection = (SimConnection)waiter;
        _node.World.Count("reading paused");
        if (_paused.Add(connection)) connection.PauseReading();
    }

    void ISequencerOutputs.ResumeReading()
    {
        var paused = _paused.ToArray();
        _paused.Clear();

        // Not within the core's step.
        _node.After(0, () =>
        {
            foreach (var connection in paused) connection.ResumeReading();
        });
    }

    void ISequencerOutputs.Ending(EndReason reason)
    {
        if (_stopped) return;
        _node.World.Tell($"node {_node.Id}: Loglet {Config.Id} ending: {reason}");
        _node.World.Count($"sequencer ended: {reason}");
    }

    void ISequencerOutputs.Ended(EndReason reason)
    {
        if (_stopped) return;
        _stopped = true;
        _node.Ended(this);
    }

    void ISequencerOutputs.Implausible(int replica, long tail)
    {
        if (_node.Mutant == SimMutant.None) _node.World.Violate($"replica {replica} of {Config.Id} acknowledged {tail} of {_core.NextPosition}");
    }

    private void Send(int replica, object message, byte[]? payload)
    {
        if (_links[replica] is { } link && !_stopped) _node.Network.Send(link, _node, new SimMessage(message, payload, 0, false));
    }

    private async Task SealAsync(int replica)
    {
        var answer = await _node.Network.AskAsync(_node, _node.Cluster.Node(Config.Replicas[replica].NodeId), new Seal(Config));
        if (!IsOver && answer?.Body is SealReply reply) _core.OnSealReply(replica, reply.Status);
    }
}
