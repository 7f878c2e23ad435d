using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

/// <summary>
/// A core, model replicas and clients, with a network between them that loses, repeats and reorders; all from one seed. Checks with every answer what the answer promises.
/// Slow checkTails read the replicas behind the sequencer's back.
/// </summary>
internal sealed class SequencerSimulation : ISequencerOutputs
{
    private readonly Random _random;
    private readonly List<Action> _network = [];
    private readonly ModelReplica[] _replicas;
    private readonly int[] _epochs;
    private readonly SimulatedClient[] _clients;
    private readonly EntryRunReader _reader = new();
    private readonly Dictionary<AppendId, long> _assigned = [];
    private readonly HashSet<AppendId> _refused = [];
    private readonly Dictionary<ulong, long> _tailFloors = [];
    private readonly SequencerOptions _options;
    private readonly LogletConfig _config;
    private double _loss = 0.1;
    private long _now;
    private long _promised;
    private ulong _lastRequest;
    private EndReason _reason;

    public SequencerSimulation(int seed, int replicas)
    {
        _random = new Random(seed);
        _replicas = [.. Enumerable.Range(0, replicas).Select(_ => new ModelReplica())];
        _epochs = new int[replicas];
        _clients = [.. Enumerable.Range(1, 3).Select(id => new SimulatedClient((ulong)id))];
        _options = new SequencerOptions
        {
            MaxBatchBytes = 200,
            MaxInFlightBytes = 6_000,
            MaxRetainedBytes = _random.Next(3) == 0 ? 1_000 : 100_000,
            MaxReplicaInFlightBytes = 4_000,
            StuckAfter = TimeSpan.FromMilliseconds(100),
            ResendInterval = TimeSpan.FromMilliseconds(20),
            RetainForLost = TimeSpan.FromMilliseconds(100),
            ResignAfter = _random.Next(3) == 0 ? TimeSpan.FromMilliseconds(50) : TimeSpan.FromHours(1),
        };
        _config = LogletConfig.Native(LogletId.NewRandom(), 1, 7, [.. Enumerable.Range(1, replicas).Select(node => new ReplicaId((uint)node, Guid.Empty))]);
        Core = new SequencerCore(_config, _options, this, 0);
    }

    public SequencerCore Core { get; }

    public int Answered { get; private set; }

    public int Confirmed { get; private set; }

    public bool HasBegunToEnd { get; private set; }

    public bool HasEnded { get; private set; }

    public void Run(int steps, bool withSeal)
    {
        var sealAt = withSeal ? _random.Next(steps) : -1;
        for (var step = 0; step < steps; step++)
        {
            if (step == sealAt) _replicas[_random.Next(_replicas.Length)].Seal();
            Step(_random.Next(100));
        }

        Heal(withSeal);
    }

    private void Step(int dice)
    {
        var replica = _random.Next(_replicas.Length);
        switch (dice)
        {
            case < 15:
                Send(_clients[_random.Next(_clients.Length)]);
                break;
            case < 60:
                Deliver();
                Deliver();
                break;
            case < 80:
                Sync(replica);
                break;
            case < 84:
                Pass(_random.Next(60));
                break;
            case < 88:
                CheckTail();
                break;
            case < 90:
                SlowCheckTail();
                break;
            case < 92:
                Core.OnReplicaLost(replica);
                _epochs[replica]++;
                break;
            case < 95:
                Connect(replica);
                break;
            case < 96:
                _replicas[replica].Restart();
                Core.OnReplicaLost(replica);
                _epochs[replica]++;
                break;
            case < 98:
                _replicas[replica].RefillFrom(_replicas[_random.Next(_replicas.Length)]);
                break;
            default:
                _replicas[replica].IsFull = _random.Next(4) == 0;
                break;
        }
    }

    /// <summary>From now on nothing is lost: whatever is unanswered must be answered.</summary>
    private void Heal(bool sealedOne)
    {
        _loss = 0;
        foreach (var replica in _replicas) replica.IsFull = false;
        for (var round = 0; round < 400 && _clients.Any(client => client.Unresolved.Count > 0); round++)
        {
            for (var i = 0; i < _replicas.Length; i++)
            {
                if (!Core.Replicas[i].IsConnected) Connect(i);
                Sync(i);
                _replicas[i].RefillFrom(_replicas[(i + 1 + round) % _replicas.Length]);
            }

            if (round % 10 == 0)
            {
                foreach (var client in _clients) Resend(client);
            }

            while (_network.Count > 0) Deliver();
            Pass(20);
        }

        Assert.That(_clients.Sum(client => client.Unresolved.Count), Is.EqualTo(0), "everything is answered in the end");
        CheckTail();
        for (var round = 0; round < 100 && (_tailFloors.Count > 0 || HasEnded != HasBegunToEnd); round++)
        {
            while (_network.Count > 0) Deliver();
            Pass(20);
        }

        Assert.That(_tailFloors, Is.Empty, "every request for the tail is answered");
        Assert.That(HasEnded, Is.EqualTo(sealedOne || HasBegunToEnd), "a half seal is finished");
    }

    private void Send(SimulatedClient client)
    {
        if (client.Unresolved.Count < 8)
        {
            for (var i = _random.Next(1, 4); i > 0; i--) client.Unresolved.Add(client.Next++);
        }

        var sequences = _random.Next(4) == 0 ? client.Unresolved.Where(_ => _random.Next(2) == 0).ToArray() : [.. client.Unresolved];
        // The floor travels with the frame, as it was when it was sent.
        var floor = client.Floor;
        if (sequences.Length > 0) Post(() => Append(client, sequences, floor));
    }

    private void Resend(SimulatedClient client)
    {
        var sequences = client.Unresolved.ToArray();
        if (sequences.Length > 0) Append(client, sequences, client.Floor);
    }

    private void Post(Action action)
    {
        if (_random.NextDouble() < _loss) return;
        _network.Add(action);
        if (_random.NextDouble() < _loss) _network.Add(action);
    }

    private void Append(SimulatedClient client, ulong[] sequences, ulong floor)
    {
        var payload = new ReadOnlySequence<byte>(Entries.Of(client.Id, 8, sequences));
        Assert.That(_reader.Read(payload, client.Id, (uint)sequences.Length, 1000), Is.EqualTo(StatusCode.Ok));
        Core.OnAppend(client, client.Id, floor, _reader.Runs, payload);
        if (_random.Next(3) > 0) Core.Flush();
        if (_random.Next(3) == 0) Core.TellTail();
    }

    private void Deliver()
    {
        if (_network.Count == 0) return;
        var index = _random.Next(3) == 0 ? _random.Next(_network.Count) : 0;
        var action = _network[index];
        _network.RemoveAt(index);
        action();
    }

    private void Pass(int milliseconds)
    {
        _now += milliseconds;
        Core.OnTick(_now);
    }

    private void Connect(int replica)
    {
        if (Core.Replicas[replica].IsConnected) return;
        _epochs[replica]++;
        Core.OnReplicaConnected(replica);
    }

    private void Sync(int index)
    {
        var replica = _replicas[index];
        if (!replica.Exists || replica.IsSealed) return;
        replica.Sync();
        Acknowledge(index, StatusCode.Ok);
    }

    private void Acknowledge(int index, StatusCode status)
    {
        var (epoch, durable, accepted) = (_epochs[index], _replicas[index].Durable, _replicas[index].Accepted);
        Post(() =>
        {
            if (_epochs[index] == epoch && Core.Replicas[index].IsConnected) Core.OnStoreAck(index, status, durable, accepted);
            if (_random.Next(3) > 0) Core.Flush();
            if (_random.Next(3) == 0) Core.TellTail();
        });
    }

    private void CheckTail()
    {
        _tailFloors[++_lastRequest] = _promised;
        Core.OnCheckTail(this, _lastRequest);
        Core.Flush();
    }

    private void SlowCheckTail()
    {
        var asked = _replicas.Where(replica => replica.Exists).OrderBy(_ => _random.Next()).Take(_config.Quorum).ToArray();
        if (asked.Length < _config.Quorum || asked.Any(replica => replica.IsSealed) || asked.Any(replica => replica.Durable != asked[0].Durable)) return;
        _promised = Math.Max(_promised, asked[0].Durable);
    }

    private int Holders(long tail) => _replicas.Count(replica => replica.Durable >= tail);

    void ISequencerOutputs.SendStore(int replica, long first, int count, RetainedPayload? payload, bool withConfig, long globalTail)
    {
        Assert.That(Holders(globalTail), Is.GreaterThanOrEqualTo(_config.Quorum), "an announced tail is on a majority");
        var ids = payload is null ? [] : Entries.IdsOf(payload.AsSequence());
        Assert.That(ids, Has.Count.EqualTo(count));
        for (var i = 0; i < count; i++)
        {
            if (_assigned.TryGetValue(ids[i], out var position)) Assert.That(position, Is.EqualTo(first + i), "an append id at two positions");
            else _assigned.Add(ids[i], first + i);
            Assert.That(_refused, Does.Not.Contain(ids[i]), "a refused append was appended by a late copy");
        }

        var epoch = _epochs[replica];
        Post(() =>
        {
            if (_epochs[replica] != epoch) return;
            var status = _replicas[replica].Store(first, ids, withConfig, globalTail);
            if (status != StatusCode.Ok) Acknowledge(replica, status);
            else if (count == 0) Sync(replica);
        });
    }

    void ISequencerOutputs.SendConfirm(int replica, ulong round)
    {
        var epoch = _epochs[replica];
        Post(() =>
        {
            var model = _replicas[replica];
            var status = model.IsSealed ? StatusCode.Sealed : model.Exists ? StatusCode.Ok : StatusCode.NotFound;
            var durable = model.Durable;
            Post(() =>
            {
                if (_epochs[replica] == epoch && Core.Replicas[replica].IsConnected) Core.OnConfirmReply(replica, round, status, durable);
                Core.Flush();
            });
        });
    }

    void ISequencerOutputs.SendGlobalTail(int replica, long tail)
    {
        Assert.That(Holders(tail), Is.GreaterThanOrEqualTo(_config.Quorum), "an announced tail is on a majority");
        Post(() => _replicas[replica].Announce(tail));
    }

    void ISequencerOutputs.SendSeal(int replica) => Post(() =>
    {
        if (!_replicas[replica].IsSealed)
        {
            Sync(replica);
            _replicas[replica].Seal();
        }

        Post(() => Core.OnSealReply(replica, StatusCode.Ok));
    });

    void ISequencerOutputs.ReplyAppend(object waiter, in AppendReply reply)
    {
        var client = (SimulatedClient)waiter;
        Assert.That(reply.ClientId, Is.EqualTo(client.Id));
        for (var i = 0u; i < reply.Count; i++)
        {
            var sequence = reply.FirstSequence + i;
            var position = reply.FirstPosition + i;
            if (reply.Status == StatusCode.Ok)
            {
                Assert.That(reply.GlobalTail, Is.GreaterThan(position));
                Assert.That(_replicas.Count(r => r.Durable > position && r[(int)position] == new AppendId(client.Id, sequence)), Is.GreaterThanOrEqualTo(_config.Quorum), "acknowledged without a majority");
                _promised = Math.Max(_promised, position + 1);
            }
            else if (reply.Status == StatusCode.Sealed && reply.FirstPosition >= 0 && _assigned.TryGetValue(new AppendId(client.Id, sequence), out var assigned))
            {
                Assert.That(position, Is.EqualTo(assigned), "the position that it had been assigned");
            }

            if (reply.Status == StatusCode.BelowFloor) Assert.That(client.Unresolved, Does.Not.Contain(sequence));
            if (reply.Status == StatusCode.DiskFull) _refused.Add(new AppendId(client.Id, sequence));
            else if (reply.Status is StatusCode.Ok or StatusCode.Sealed) Assert.That(_refused, Does.Not.Contain(new AppendId(client.Id, sequence)), "what was refused stays refused");
            if (reply.Status is not (StatusCode.Ok or StatusCode.Sealed or StatusCode.DiskFull)) continue;
            Answered++;
            // The answer may be lost, too; then the client sends again.
            if (_random.NextDouble() >= _loss) client.Unresolved.Remove(sequence);
        }
    }

    void ISequencerOutputs.ReplyTail(object waiter, ulong correlationId, StatusCode status, long tail)
    {
        Assert.That(_tailFloors.Remove(correlationId, out var floor));
        if (status != StatusCode.Ok) return;
        Confirmed++;
        Assert.That(tail, Is.GreaterThanOrEqualTo(floor), "a tail that goes behind an earlier answer");
        Assert.That(Holders(tail), Is.GreaterThanOrEqualTo(_config.Quorum));
        _promised = Math.Max(_promised, tail);
    }

    void ISequencerOutputs.ReplyOpen(object waiter, ulong correlationId, StatusCode status)
    {
    }

    void ISequencerOutputs.PauseReading(object waiter)
    {
    }

    void ISequencerOutputs.ResumeReading()
    {
    }

    void ISequencerOutputs.Ending(EndReason reason)
    {
        HasBegunToEnd = true;
        _reason = reason;
        var connected = Core.Replicas.Count(replica => replica.IsConnected);
        if (reason == EndReason.MajorityLost) Assert.That(connected, Is.LessThan(_config.Quorum));
        else Assert.That(_replicas.Any(replica => replica.IsSealed));
    }

    void ISequencerOutputs.Ended(EndReason reason)
    {
        HasEnded = true;
        Assert.That(reason, Is.EqualTo(_reason));
        Assert.That(_replicas.Count(replica => replica.IsSealed), Is.GreaterThanOrEqualTo(_config.Quorum));
    }

    void ISequencerOutputs.Implausible(int replica, long tail) => Assert.Fail($"replica {replica} acknowledged {tail} of {Core.NextPosition}");

    private sealed class SimulatedClient(ulong id)
    {
        public ulong Id { get; } = id;

        public ulong Next { get; set; } = 1;

        public SortedSet<ulong> Unresolved { get; } = [];

        public ulong Floor => Unresolved.Count > 0 ? Unresolved.Min : Next;
    }
}
