namespace Delos.Client.MetaStore;

/// <summary>The look: which version is the newest, and is it decided?</summary>
internal sealed partial class RegisterProposer
{
    private ProposerStep BeginLook()
    {
        Begin(Phase.Look);
        _graceOver = false;
        _finishing = null;
        _instance = 0;
        foreach (var seed in _seeds) Ask(seed);
        return EvaluateLook();
    }

    private ProposerStep EvaluateLook()
    {
        while (true)
        {
            if (NewestSeen() is not { } seen)
            {
                // Nothing newer than what is known decided: true of the whole register once a majority of the next version's acceptors say so.
                var next = Next(_known);
                foreach (var acceptor in next) Ask(acceptor);
                if (next.Count == 0 && _targets.TrueForAll(t => t.Answer != Answer.Pending)) return BackOff();
                var (answered, pending) = Count(next);
                if (next.Count > 0 && answered >= Quorum(next)) return Conclude();
                if (next.Count > 0 && answered + pending < Quorum(next)) return BackOff();
                return ProposerStep.Wait;
            }

            var deciders = seen.Value!.Deciders;
            foreach (var decider in deciders) Ask(decider);
            if (DecidedAt(seen.Instance, deciders) is { } decided)
            {
                _known = decided;
                continue;
            }

            var (votes, open) = Count(deciders);
            if (votes + open < Quorum(deciders)) return BackOff();
            if (votes < Quorum(deciders)) return ProposerStep.Wait;
            if (!_graceOver && (open > 0 || _suspect != (seen.Instance, seen.Ballot))) return ProposerStep.WaitGrace;
            return BeginPrepare(seen.Instance, deciders, seen.Value);
        }
    }

    /// <summary>The answer with the newest version beyond the known one, at the highest ballot.</summary>
    private Target? NewestSeen()
    {
        Target? newest = null;
        foreach (var target in _targets)
        {
            if (target.Answer != Answer.Ok || target.Instance <= _known.Version) continue;
            if (newest is null || target.Instance > newest.Value.Instance || (target.Instance == newest.Value.Instance && target.Ballot > newest.Value.Ballot)) newest = target;
        }

        return newest;
    }

    private DecidedVersion? DecidedAt(ulong instance, IReadOnlyList<NodeEndpoint> deciders)
    {
        foreach (var candidate in _targets)
        {
            if (candidate.Answer != Answer.Ok || candidate.Instance != instance) continue;
            var votes = 0;
            foreach (var decider in deciders)
            {
                foreach (var target in _targets)
                {
                    if (target.Answer != Answer.Ok || target.Instance != instance || target.Ballot != candidate.Ballot || !IsSame(decider, target.Identity)) continue;
                    votes++;
                    break;
                }
            }

            if (votes >= Quorum(deciders)) return new DecidedVersion(instance, candidate.Value, candidate.Ballot);
        }

        return null;
    }

    private (int Answered, int Pending) Count(IReadOnlyList<NodeEndpoint> acceptors)
    {
        var answered = 0;
        var pending = 0;
        foreach (var acceptor in acceptors)
        {
            if (_targets.Exists(t => t.Answer == Answer.Ok && IsSame(acceptor, t.Identity))) answered++;
            else if (_targets.Exists(t => t.Answer == Answer.Pending && IsSameAddress(acceptor, t.Identity))) pending++;
            else if (_targets.FindIndex(t => t.Answer == Answer.Ok && IsSameAddress(acceptor, t.Identity)) is >= 0 and var index) Impostor = (acceptor, _targets[index].Identity);
        }

        return (answered, pending);
    }

    private void Ask(NodeEndpoint node)
    {
        if (_targets.Exists(t => IsSameAddress(node, t.Identity))) return;
        _sends.Add(new ProposerSend(_phaseNumber, _targets.Count, node, ProposerRequest.Read, 0, default, default));
        _targets.Add(new Target(node));
    }

    private ProposerStep Conclude()
    {
        if (_write is not { } write) return Finish(won: false, outcomeUnknown: false, _known);
        var mine = write.Expected + 1;
        if (_known.Version == write.Expected) return BeginPrepare(mine, Next(_known), finishing: null);
        if (_known.Version < mine) return Finish(won: false, outcomeUnknown: false, _known);
        if (_known.Version == mine) return Finish(won: _known.Value!.WriteId == write.WriteId, outcomeUnknown: false, _known);
        if (!OwnValueSent) return Finish(won: false, outcomeUnknown: false, _known);

        // Later versions exist. They remember who wrote those before them.
        var back = _known.Version - mine - 1;
        var former = _known.Value!.FormerWrites;
        if (back >= (ulong)former.Count) return Finish(won: false, outcomeUnknown: true, _known);
        var won = former[(int)back] == write.WriteId;
        return Finish(won, outcomeUnknown: false, won ? new DecidedVersion(mine, _own, _ballot) : _known);
    }
}
