using Delos.Client.MetaStore;
using Delos.Daemon.MetaStore;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.MetaStore;

/// <summary>
/// Acceptors and proposers in one thread, by seed: messages get lost, doubled and reordered; nodes go away and come back with what was durable; operations time out, are abandoned, and
/// begin again. Checks as it goes: one value per version, reads that never go backwards, wins that are true.
/// </summary>
internal sealed class PaxosSimulation
{
    private const string Register = "log/sim";

    private readonly Random _random;
    private readonly List<Node> _nodes = [];
    private readonly List<Message> _flying = [];
    private readonly List<Operation> _operations = [];
    private readonly Dictionary<ulong, ulong> _writeIdOfVersion = [];
    private readonly NodeEndpoint[] _bootstrap;
    private readonly bool _changeAcceptors;
    private ulong _nextId = 1;
    private ulong _floor;

    public PaxosSimulation(int seed, int nodes = 3, int spareNodes = 0)
    {
        _random = new Random(seed);
        for (var i = 1; i <= nodes + spareNodes; i++) _nodes.Add(new Node(new NodeEndpoint((uint)i, new Guid(i, 0, 0, new byte[8]), $"n{i}", 1)));
        _bootstrap = [.. _nodes.Take(nodes).Select(n => n.Endpoint with { NodeId = 0, DiskId = Guid.Empty })];
        _changeAcceptors = spareNodes > 0;
    }

    public int Completed { get; private set; }

    public int Wins { get; private set; }

    public ulong NewestVersion => _floor;

    public void Run(int steps)
    {
        for (var i = 0; i < steps; i++) StepOnce();
    }

    /// <summary>All nodes are back and nothing gets lost any more: everybody comes to an end.</summary>
    public void Settle()
    {
        foreach (var node in _nodes) node.Up = true;
        for (var i = 0; i < 200_000 && _operations.Count > 0; i++)
        {
            if (_flying.Count > 0) Deliver(_flying[_random.Next(_flying.Count)], remove: true);
            else foreach (var operation in _operations.ToArray()) Wake(operation);
        }

        Assert.That(_operations, Is.Empty, "an operation does not end although all nodes answer");
    }

    public ulong ReadAlone()
    {
        Begin(write: false);
        Settle();
        return _floor;
    }

    private void StepOnce()
    {
        var dice = _random.Next(1000);
        if (dice < 30 && _operations.Count < 4) Begin(write: _random.Next(3) > 0);
        else if (dice < 33) _nodes[_random.Next(_nodes.Count)].Up ^= true;
        else if (dice < 36 && _operations.Count > 0) _operations.RemoveAt(_random.Next(_operations.Count));
        else if (dice < 150 && _operations.Count > 0) Wake(_operations[_random.Next(_operations.Count)]);
        else if (_flying.Count > 0)
        {
            var message = _flying[_random.Next(_flying.Count)];
            var fate = _random.Next(100);
            if (fate < 8) Lose(message);
            else Deliver(message, remove: fate < 85);
        }
    }

    private void Begin(bool write)
    {
        // A client that knows nothing, one that knows the newest version, or one that knows an old one.
        var known = _random.Next(3) == 0 || _lastKnown.Count == 0 ? DecidedVersion.None : _lastKnown[_random.Next(_lastKnown.Count)];
        var expected = _random.Next(4) == 0 ? _floor : known.Version;
        NodeEndpoint[]? next = null;
        if (_changeAcceptors && _random.Next(3) == 0) next = [.. _nodes.OrderBy(_ => _random.Next()).Take(3).Select(n => n.Endpoint)];
        RegisterWrite? order = write ? new RegisterWrite(expected, _nextId++, new byte[] { 1, 2, 3 }, next) : null;
        var proposer = new RegisterProposer(known, _bootstrap, [], _nextId++, order, []);
        var operation = new Operation(proposer, order, _floor);
        _operations.Add(operation);
        After(operation, proposer.Start());
    }

    private readonly List<DecidedVersion> _lastKnown = [];

    private void Wake(Operation operation)
    {
        var proposer = operation.Proposer;
        if (proposer.Step == ProposerStep.BackOff) After(operation, proposer.Retry());
        else if (proposer.Step == ProposerStep.WaitGrace) After(operation, proposer.EndGrace());
        else if (!_flying.Exists(m => m.Operation == operation) || _random.Next(50) == 0)
        {
            // Time-out of a request.
            foreach (var send in operation.Open.ToArray())
            {
                if (proposer.Step is ProposerStep.Done or ProposerStep.BackOff) break;
                After(operation, proposer.OnFailure(send.Phase, send.Index));
            }
        }
    }

    private void After(Operation operation, ProposerStep step)
    {
        var sends = operation.Proposer.TakeSends();
        if (sends.Length > 0 && sends[0].Request != ProposerRequest.Read) operation.Open.Clear();
        foreach (var send in sends)
        {
            operation.Open.Add(send);
            _flying.Add(new Message(operation, send, null));
        }

        CheckDecided(operation.Proposer.Known);
        if (step != ProposerStep.Done || !_operations.Remove(operation)) return;
        Complete(operation);
    }

    private void Complete(Operation operation)
    {
        Completed++;
        var (won, unknown, decided) = operation.Proposer.Result;
        CheckDecided(decided);
        if (operation.Write is { } write)
        {
            if (won)
            {
                Wins++;
                Assert.That(decided.Version, Is.EqualTo(write.Expected + 1));
                Assert.That(_writeIdOfVersion[decided.Version], Is.EqualTo(write.WriteId), "a writer was told that it won, and another one did");
            }
            else if (!unknown && _writeIdOfVersion.TryGetValue(write.Expected + 1, out var winner))
            {
                Assert.That(winner, Is.Not.EqualTo(write.WriteId), "a writer was told that it lost, and it won");
            }
        }

        if (operation.Write is null || !won) Assert.That(decided.Version, Is.GreaterThanOrEqualTo(operation.Write is null ? operation.FloorAtStart : 0), "a read went backwards");
        _floor = Math.Max(_floor, decided.Version);
        _lastKnown.Add(decided);
    }

    private void CheckDecided(DecidedVersion decided)
    {
        if (decided.Version == 0) return;
        if (_writeIdOfVersion.TryAdd(decided.Version, decided.Value!.WriteId)) return;
        Assert.That(decided.Value.WriteId, Is.EqualTo(_writeIdOfVersion[decided.Version]), $"version {decided.Version} has two values");
    }

    private void Lose(Message message) => _flying.Remove(message);

    private void Deliver(Message message, bool remove)
    {
        if (remove) _flying.Remove(message);
        if (message.Reply is { } reply)
        {
            if (_operations.Contains(message.Operation)) After(message.Operation, reply());
            return;
        }

        var send = message.Send;
        var node = _nodes.Find(n => n.Endpoint.Host == send.Target.Host)!;
        if (!node.Up) return;
        var proposer = message.Operation.Proposer;
        var identity = node.Endpoint;
        switch (send.Request)
        {
            case ProposerRequest.Read:
                var read = node.Core.Read(new MetaRead(Register));
                _flying.Add(message with { Reply = () => proposer.OnReadReply(send.Phase, send.Index, identity, read) });
                break;
            case ProposerRequest.Prepare:
                var promise = node.Core.Prepare(new MetaPrepare(Register, send.Instance, send.Ballot), out var promised);
                if (promised is not null) node.Persist(promised);
                _flying.Add(message with { Reply = () => proposer.OnPrepareReply(send.Phase, send.Index, identity, promise) });
                break;
            default:
                var acceptance = node.Core.Accept(new MetaAccept(Register, send.Instance, send.Ballot, send.Value), out var accepted);
                Assert.That(acceptance.Status, Is.Not.EqualTo(StatusCode.Malformed), "one ballot carried two values");
                if (accepted is not null) node.Persist(accepted);
                _flying.Add(message with { Reply = () => proposer.OnAcceptReply(send.Phase, send.Index, identity, acceptance) });
                break;
        }
    }

    private sealed record Message(Operation Operation, ProposerSend Send, Func<ProposerStep>? Reply);

    private sealed class Operation(RegisterProposer proposer, RegisterWrite? write, ulong floorAtStart)
    {
        public RegisterProposer Proposer => proposer;

        public RegisterWrite? Write => write;

        public ulong FloorAtStart => floorAtStart;

        public List<ProposerSend> Open { get; } = [];
    }

    private sealed class Node(NodeEndpoint endpoint)
    {
        public NodeEndpoint Endpoint => endpoint;

        public AcceptorCore Core { get; private set; } = new(new AcceptorLimits());

        public bool Up
        {
            get;
            set
            {
                // A node that comes back knows what its journal says, and nothing else.
                if (value && !field) Core = Recover();
                field = value;
            }
        } = true;

        private readonly List<byte[]> _journal = [];

        public void Persist(AcceptorRegister next)
        {
            _journal.Add(AcceptorRecord.Encode(Core.Find(next.Name), next));
            Core.Apply(next);
        }

        private AcceptorCore Recover()
        {
            var core = new AcceptorCore(new AcceptorLimits());
            foreach (var record in _journal) core.Apply(AcceptorRecord.Decode(record, core.Find)!);
            return core;
        }
    }
}
