using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.MetaStore;

/// <summary>
/// One operation on one register, a linearizable read or a conditional write, as a client of the acceptors (DESIGN §3, MetaStore; model: metastore.pml). Pure: the shell sends what
/// <see cref="TakeSends"/> hands out, feeds answers and failures back, and waits when told. Not thread-safe.
/// </summary>
/// <remarks>
/// <para><b>Look</b>: ask, and count. A version is decided if a majority of the acceptors that decide it hold it with the same ballot; two nodes with the same value but different
/// ballots prove nothing. The look ends when the newest version seen is decided and a majority of the acceptors of the next one has shown nothing newer: had the next one been decided
/// before the operation began, one of them would have shown it.</para>
/// <para><b>Finish</b>: a version that was seen but not seen decided may be, or may yet become, decided; to return it or to skip it would both be wrong (READ_NOFINISH, READ_DECIDED
/// in the model). It is driven to a decision: phase 1 with a fresh ballot; phase 2 with the value that phase 1 found at the highest ballot, or, where it found none, with the very value that was
/// seen. Somebody proposed that one properly; a value of the reader's own would be invented (READ_INVENTS).</para>
/// <para><b>Write</b>: version expected + 1 is proposed only when version expected is known decided (SKIP_VERSION), to the acceptors that it names. What phase 1 finds goes before one's own value.</para>
/// <para>Every attempt has a fresh ballot: a round above all seen, and an id drawn at random for this operation alone (SAME_BALLOT).</para>
/// </remarks>
internal sealed partial class RegisterProposer
{
    private readonly IReadOnlyList<NodeEndpoint> _bootstrap;
    private readonly IReadOnlyList<NodeEndpoint> _seeds;
    private readonly ulong _proposerId;
    private readonly RegisterWrite? _write;
    private readonly IReadOnlyCollection<NodeEndpoint> _identities;
    private readonly List<ProposerSend> _sends = [];
    private readonly List<Target> _targets = [];

    private DecidedVersion _known;
    private Phase _phase;
    private int _phaseNumber;
    private ulong _round;

    // Of the round of Paxos under way.
    private ulong _instance;
    private IReadOnlyList<NodeEndpoint> _acceptors = [];
    private RegisterValue? _finishing;
    private Ballot _ballot;
    private Ballot _foundBallot;
    private RegisterValue? _found;
    private RegisterValue? _proposed;
    private RegisterValue? _own;
    private bool _graceOver;
    private (ulong Instance, Ballot Ballot) _suspect;

    /// <param name="known">What the caller knows decided from before; <see cref="DecidedVersion.None"/> if nothing.</param>
    /// <param name="bootstrap">The acceptors of version 1. Empty: not known, so that the operation cannot end with "never written".</param>
    /// <param name="seeds">Nodes to ask as well; their answers help to find the newest version, and count as votes where a version names them.</param>
    /// <param name="proposerId">Random, for this operation alone.</param>
    /// <param name="write">Null: read.</param>
    /// <param name="identities">Who is known to live at which address: replaces acceptors of unknown identity in what is written.</param>
    public RegisterProposer(
        DecidedVersion known, IReadOnlyList<NodeEndpoint> bootstrap, IReadOnlyList<NodeEndpoint> seeds, ulong proposerId, RegisterWrite? write, IReadOnlyCollection<NodeEndpoint> identities)
    {
        _identities = identities;
        _known = known;
        _bootstrap = bootstrap;
        _seeds = seeds;
        _proposerId = proposerId;
        _write = write;
        _round = known.Ballot.Round;
    }

    private enum Phase
    {
        Look,
        Prepare,
        Accept,
    }

    private enum Answer
    {
        Pending,
        Ok,
        Rejected,
        Failed,
    }

    /// <summary>What the shell does next; every call that takes an event returns it too. Events of former phases change nothing.</summary>
    public ProposerStep Step { get; private set; }

    public ProposerResult Result { get; private set; }

    /// <summary>The newest version known decided so far.</summary>
    public DecidedVersion Known => _known;

    /// <summary>True once phase 2 carried the caller's own value anywhere: from then on the write may win without the caller.</summary>
    public bool OwnValueSent { get; private set; }

    /// <summary>True if the last <see cref="ProposerStep.BackOff"/> came from a competing proposer, false if from acceptors that could not be reached.</summary>
    public bool LostToCompetitor { get; private set; }

    /// <summary>The last acceptor at whose address another node, or the same with another disk, answered: its votes count for nothing.</summary>
    public (NodeEndpoint Expected, NodeEndpoint Found)? Impostor { get; private set; }

    public ProposerStep Start() => Step =
        _write is { } write && write.Expected == _known.Version && Next(_known).Count > 0 ? BeginPrepare(write.Expected + 1, Next(_known), finishing: null) : BeginLook();

    /// <summary>The requests to send since the last call.</summary>
    public ProposerSend[] TakeSends()
    {
        var sends = _sends.ToArray();
        _sends.Clear();
        return sends;
    }

    /// <summary>The random while after <see cref="ProposerStep.BackOff"/> is over.</summary>
    public ProposerStep Retry() => Step = _write is { } write && write.Expected == _known.Version && _finishing is null && _instance == write.Expected + 1
        ? BeginPrepare(_instance, _acceptors, finishing: null)
        : BeginLook();

    /// <summary>The wait after <see cref="ProposerStep.WaitGrace"/> is over.</summary>
    public ProposerStep EndGrace()
    {
        if (Step != ProposerStep.WaitGrace) return Step;
        if (NewestSeen() is not { } seen || _suspect == (seen.Instance, seen.Ballot))
        {
            _graceOver = true;
            return Step = EvaluateLook();
        }

        // Most probably its proposer is between its first and its second acceptor. Look again, and finish it only if it has not moved: a higher ballot now would throw a live proposer back.
        _suspect = (seen.Instance, seen.Ballot);
        return Step = BeginLook();
    }

    /// <param name="phase">Of the request.</param>
    /// <param name="index">Of the request.</param>
    /// <param name="identity">The target with the node and disk id that the peer gave in its hello.</param>
    /// <param name="reply">Its answer.</param>
    public ProposerStep OnReadReply(int phase, int index, NodeEndpoint identity, in MetaReadReply reply)
    {
        if (!IsCurrent(phase, index)) return Step;
        if (reply.Status != StatusCode.Ok) return Step = Fail(index);
        RegisterValue? value = null;
        if (reply.NewestInstance > 0 && (value = RegisterValue.Decode(reply.Value.Span)) is null) return Step = Fail(index);
        SeeRound(reply.Accepted);
        _targets[index] = _targets[index] with { Answer = Answer.Ok, Identity = identity, Instance = reply.NewestInstance, Ballot = reply.Accepted, Value = value };
        return Step = EvaluateLook();
    }

    /// <inheritdoc cref="OnReadReply"/>
    public ProposerStep OnPrepareReply(int phase, int index, NodeEndpoint identity, in MetaPrepareReply reply) =>
        IsCurrent(phase, index) ? Step = TakePromise(index, identity, reply) : Step;

    /// <inheritdoc cref="OnReadReply"/>
    public ProposerStep OnAcceptReply(int phase, int index, NodeEndpoint identity, in MetaAcceptReply reply) =>
        IsCurrent(phase, index) ? Step = TakeAcceptance(index, identity, reply) : Step;

    /// <summary>No answer will come to that request: connection lost, time-out, an error, or a node that is not the acceptor meant.</summary>
    public ProposerStep OnFailure(int phase, int index) => IsCurrent(phase, index) ? Step = Fail(index) : Step;

    private ProposerStep TakePromise(int index, NodeEndpoint identity, in MetaPrepareReply reply)
    {
        if (!IsSame(_targets[index].Identity, identity)) return Fail(index);
        SeeRound(reply.Promised);
        switch (reply.Status)
        {
            case StatusCode.Superseded:
                return BeginLook();
            case StatusCode.Rejected:
                return Note(index, identity, Answer.Rejected);
            case StatusCode.Ok:
                if (!reply.Accepted.IsNone && reply.Accepted > _foundBallot)
                {
                    if (RegisterValue.Decode(reply.Value.Span) is not { } found) return Fail(index);
                    _found = found;
                    _foundBallot = reply.Accepted;
                }

                return Note(index, identity, Answer.Ok);
            default:
                return Fail(index);
        }
    }

    private ProposerStep TakeAcceptance(int index, NodeEndpoint identity, in MetaAcceptReply reply)
    {
        if (!IsSame(_targets[index].Identity, identity)) return Fail(index);
        SeeRound(reply.Promised);
        return reply.Status switch
        {
            StatusCode.Superseded => BeginLook(),
            StatusCode.Rejected => Note(index, identity, Answer.Rejected),
            StatusCode.Ok => Note(index, identity, Answer.Ok),
            _ => Fail(index),
        };
    }

    private ProposerStep BeginPrepare(ulong instance, IReadOnlyList<NodeEndpoint> acceptors, RegisterValue? finishing)
    {
        Begin(Phase.Prepare);
        _instance = instance;
        _acceptors = acceptors;
        _finishing = finishing;
        _found = null;
        _foundBallot = default;
        _ballot = new Ballot(++_round, _proposerId);
        foreach (var acceptor in acceptors)
        {
            _sends.Add(new ProposerSend(_phaseNumber, _targets.Count, acceptor, ProposerRequest.Prepare, instance, _ballot, default));
            _targets.Add(new Target(acceptor));
        }

        return ProposerStep.Wait;
    }

    private ProposerStep BeginAccept()
    {
        var acceptors = _acceptors.Select((a, i) => a.NodeId != 0 ? a : _targets[i].Answer == Answer.Ok ? _targets[i].Identity : Identify(a)).ToArray();
        _proposed = _found ?? _finishing ?? (_own ??= OwnValue(_write!.Value, acceptors));
        if (ReferenceEquals(_proposed, _own) || (_write is { } write && _proposed.WriteId == write.WriteId)) OwnValueSent = true;
        var bytes = _proposed.Encode();
        Begin(Phase.Accept);
        foreach (var acceptor in _acceptors)
        {
            _sends.Add(new ProposerSend(_phaseNumber, _targets.Count, acceptor, ProposerRequest.Accept, _instance, _ballot, bytes));
            _targets.Add(new Target(acceptor));
        }

        return ProposerStep.Wait;
    }

    private NodeEndpoint Identify(NodeEndpoint acceptor) => _identities.FirstOrDefault(i => IsSameAddress(i, acceptor)) ?? acceptor;

    private RegisterValue OwnValue(RegisterWrite write, NodeEndpoint[] acceptors)
    {
        ulong[] former = _known.Value is { } value ? [value.WriteId, .. value.FormerWrites.Take(RegisterValue.MaxFormerWrites - 1)] : [];
        return new RegisterValue(acceptors, write.NextAcceptors ?? acceptors, write.WriteId, former, write.Payload);
    }

    private ProposerStep Note(int index, NodeEndpoint identity, Answer answer)
    {
        _targets[index] = _targets[index] with { Answer = answer, Identity = identity };
        return EvaluateRound();
    }

    private ProposerStep EvaluateRound()
    {
        var ok = _targets.Count(t => t.Answer == Answer.Ok);
        var pending = _targets.Count(t => t.Answer == Answer.Pending);
        if (ok < Quorum(_acceptors)) return ok + pending < Quorum(_acceptors) ? BackOff() : ProposerStep.Wait;
        if (_phase == Phase.Prepare) return BeginAccept();
        _known = new DecidedVersion(_instance, _proposed, _ballot);
        if (_write is { } write && _instance == write.Expected + 1) return Conclude();
        return BeginLook();
    }

    private ProposerStep Fail(int index)
    {
        _targets[index] = _targets[index] with { Answer = Answer.Failed };
        return _phase == Phase.Look ? EvaluateLook() : EvaluateRound();
    }

    private ProposerStep BackOff()
    {
        LostToCompetitor = _targets.Exists(t => t.Answer == Answer.Rejected);
        _phaseNumber++;
        return ProposerStep.BackOff;
    }

    private ProposerStep Finish(bool won, bool outcomeUnknown, DecidedVersion decided)
    {
        _phaseNumber++;
        Result = new ProposerResult(won, outcomeUnknown, decided);
        return ProposerStep.Done;
    }

    private void Begin(Phase phase)
    {
        _phase = phase;
        _phaseNumber++;
        _targets.Clear();
        _sends.Clear();
    }

    /// <summary>The first answer to a request of the phase under way.</summary>
    private bool IsCurrent(int phase, int index) => phase == _phaseNumber && Step != ProposerStep.Done && _targets[index].Answer == Answer.Pending;

    private void SeeRound(Ballot ballot) => _round = Math.Max(_round, ballot.Round);

    private IReadOnlyList<NodeEndpoint> Next(DecidedVersion known) => known.Value?.Acceptors ?? _bootstrap;

    private static int Quorum(IReadOnlyList<NodeEndpoint> acceptors) => acceptors.Count / 2 + 1;

    private static bool IsSame(NodeEndpoint acceptor, NodeEndpoint identity) =>
        acceptor.NodeId == 0 ? IsSameAddress(acceptor, identity) : acceptor.NodeId == identity.NodeId && acceptor.DiskId == identity.DiskId;

    internal static bool IsSameAddress(NodeEndpoint a, NodeEndpoint b) => a.Port == b.Port && string.Equals(a.Host, b.Host, StringComparison.OrdinalIgnoreCase);

    /// <summary>One request of the phase under way and what came of it.</summary>
    private readonly record struct Target(NodeEndpoint Identity, Answer Answer = Answer.Pending, ulong Instance = 0, Ballot Ballot = default, RegisterValue? Value = null);
}

/// <summary>A conditional write.</summary>
/// <param name="Expected">The version that it follows.</param>
/// <param name="WriteId">Random.</param>
/// <param name="Payload">The caller's bytes.</param>
/// <param name="NextAcceptors">Null: the acceptors stay.</param>
internal readonly record struct RegisterWrite(ulong Expected, ulong WriteId, ReadOnlyMemory<byte> Payload, IReadOnlyList<NodeEndpoint>? NextAcceptors);
