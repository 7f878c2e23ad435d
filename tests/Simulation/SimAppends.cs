using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>
/// The appends of one client on their way to one Loglet: as client/Loglets/SequencerLink.cs has it for each stripe, and StripedLoglet.cs for the whole. A native Loglet is one stripe, whose window withholds nothing.
/// </summary>
internal sealed class SimAppends
{
    private readonly SimClient _me;
    private readonly ClusterSimulation _cluster;
    private readonly SimAppender _owner;
    private readonly Link[] _links;
    private readonly StripeMath _math;
    private readonly StripeWindow<ulong> _window;
    private bool _isClosed;

    public SimAppends(SimClient me, ClusterSimulation cluster, SimAppender owner, LogletConfig config)
    {
        _me = me;
        _cluster = cluster;
        _owner = owner;
        Config = config;
        _links = [.. config.Parts.Select(p => new Link(p))];
        _math = new StripeMath(_links.Length);
        _window = new StripeWindow<ulong>(_math);
    }

    public LogletConfig Config { get; }

    /// <summary>Highest tail acknowledged to it.</summary>
    public long KnownTail { get; private set; }

    /// <summary>Sent to a stripe, and not answered by it.</summary>
    public int Unanswered => _links.Sum(l => l.Unanswered.Count);

    private SimWorld World => _me.World;

    /// <summary>Takes appends, in sequence order, and sends them: those that were sent to this Loglet before the same way again, the others dealt out to the stripes.</summary>
    public void Send(ulong[] sequences)
    {
        ulong[] fresh = [.. sequences.Where(s => _owner.RouteOf(s, Config.Id) is not { } stripe || !Give(s, stripe))];
        if (fresh.Length > 0)
        {
            var shares = new int[_links.Length];
            StripeChoice.Deal(_math, [.. _links.Select((_, i) => _window.Level(i))], fresh.Length, shares);
            for (int i = 0, next = 0; i < shares.Length; i++)
            {
                for (var end = next + shares[i]; next < end; next++) Give(fresh[next], i);
            }
        }

        foreach (var link in _links.Where(l => l.Unanswered.Count > 0)) World.Spawn(() => FlushAsync(link));
    }

    public void OnReply(in AppendReply reply)
    {
        var loglet = reply.Loglet;
        var stripe = Array.FindIndex(_links, l => l.Config.Id == loglet);
        if (_isClosed || stripe < 0) return;
        _owner.OnProgress();
        if (World.IsDetailed && reply.Status != StatusCode.Ok) World.Tell($"client {_me.Id}: {reply.FirstSequence} and {reply.Count - 1} more: {reply.Status} {reply.FirstPosition} of stripe {stripe}");
        if (reply.Status == StatusCode.WrongIncarnation || reply.Status == StatusCode.NotFound)
        {
            var config = _links[stripe].Config;
            if (_cluster.Mutant == SimMutant.RestartedSequencer && reply.Status == StatusCode.NotFound) World.Spawn(() => _me.Network.AskAsync(_me, _cluster.Node(config.SequencerNode), new OpenLoglet(config)));
            else _owner.Lose();
            return;
        }

        for (var i = 0u; i < reply.Count; i++) OnAnswer(stripe, reply.Status, reply.FirstSequence + i, reply.FirstPosition < 0 ? -1 : reply.FirstPosition + i);
        Acknowledge();
        if (_links.Length == 1 && reply.Status == StatusCode.Ok) KnownTail = Math.Max(KnownTail, reply.GlobalTail);
        Fill();
        _owner.Settle();
    }

    public void OnClosed(SimConnection connection)
    {
        foreach (var link in _links.Where(l => l.Connection == connection)) link.Connection = null;
    }

    /// <summary>Whatever comes now, nobody hears of it.</summary>
    public void Close() => _isClosed = true;

    private bool Give(ulong sequence, int stripe)
    {
        _owner.Route(sequence, Config.Id, stripe);
        _window.OnSent(stripe);
        _links[stripe].Unanswered.Add(sequence);
        _links[stripe].Unsent.Add(sequence);
        return true;
    }

    private async Task FlushAsync(Link link)
    {
        if (_isClosed || link.IsDialling) return;
        if (link.Connection is not { IsClosed: false })
        {
            link.IsDialling = true;
            link.Connection = await _me.Network.DialAsync(_me, _cluster.Node(link.Config.SequencerNode));
            link.IsDialling = false;
            if (_isClosed) return;
            if (link.Connection is null)
            {
                _owner.Lose();
                return;
            }

            // A new connection: all that is unanswered is sent again, to the same incarnation.
            link.Unsent.Clear();
            link.Unsent.UnionWith(link.Unanswered);
        }

        ulong[] sent = [.. link.Unsent.Where(link.Unanswered.Contains)];
        link.Unsent.Clear();
        if (sent.Length == 0) return;
        var client = _owner.ClientId;
        if (World.IsDetailed) World.Tell($"client {_me.Id}: sends {string.Join(", ", sent)} of {client:x16} to Loglet {link.Config.Id}");
        byte[] payload = [.. sent.SelectMany(s => SimEntries.Encode(new AppendId(client, s), _owner.ContentOf(s)))];
        _me.Network.Send(link.Connection, _me, new SimMessage(new Append(link.Config.Id, link.Config.Incarnation, client, _owner.Floor, (uint)sent.Length), payload, 0, false));
    }

    private void OnAnswer(int stripe, StatusCode status, ulong sequence, long own)
    {
        if (!_links[stripe].Unanswered.Remove(sequence)) return;
        _window.OnReturned(stripe);
        if (status == StatusCode.Ok && _cluster.Mutant == SimMutant.StripeAcknowledgedEarly)
        {
            _owner.OnAnswer(status, sequence, _math.ToStriped(stripe, own));
        }
        else if (status == StatusCode.Ok)
        {
            _window.OnCommitted(stripe, own, sequence);
        }
        else
        {
            _owner.OnAnswer(status, sequence, own < 0 ? -1 : _math.ToStriped(stripe, own));
            if (status is StatusCode.Sealed or StatusCode.Deleted) GiveBack(status);
        }
    }

    private void Acknowledge()
    {
        for (var i = 0; i < _links.Length; i++)
        {
            while (_window.TryTake(i, out var sequence, out var position)) _owner.OnAnswer(StatusCode.Ok, sequence, position);
        }

        KnownTail = Math.Max(KnownTail, _window.Tail);
    }

    /// <summary>What is committed on its stripe may still lie beyond the tail that a seal finds: its owner looks for it below the stop.</summary>
    private void GiveBack(StatusCode status)
    {
        while (_window.TryGiveBack(out var sequence, out var position))
        {
            World.Count($"committed on its stripe, given back: {status}");
            _owner.OnAnswer(status, sequence, status == StatusCode.Unavailable ? -1 : position);
        }
    }

    private void Fill()
    {
        if (_isClosed || _cluster.Mutant == SimMutant.NoFill) return;
        for (var i = 0; i < _links.Length; i++)
        {
            var stripe = i;
            if (_links[i].IsFilling || _window.FillOf(i) == 0) continue;
            _links[i].IsFilling = true;
            World.Spawn(() => FillAsync(stripe));
        }
    }

    private async Task FillAsync(int stripe)
    {
        var link = _links[stripe];
        for (var failures = 0; !_isClosed && _window.FillOf(stripe) is > 0 and var upTo;)
        {
            var answer = await _me.Network.AskAsync(_me, _cluster.Node(link.Config.SequencerNode), new Fill(link.Config.Id, link.Config.Incarnation, upTo));
            if (_isClosed) return;
            switch (answer?.Body)
            {
                case CheckTailReply { Status: StatusCode.Ok } filled:
                    failures = 0;
                    _window.OnTail(stripe, filled.Tail);
                    break;
                case CheckTailReply { Status: StatusCode.Sealed }:
                    GiveBack(StatusCode.Sealed);
                    break;
                case CheckTailReply { Status: StatusCode.Unavailable or StatusCode.DiskFull }:
                    // It lives, and waits for its LogServers.
                    World.Count("fill waits");
                    await _me.Delay(20_000);
                    break;
                default:
                    World.Count("fill failed");

                    // Once may be a connection that broke. Else the stripe's sequencer is lost.
                    if (failures++ > 0) GiveBack(StatusCode.Unavailable);
                    else await _me.Delay(20_000);
                    break;
            }

            Acknowledge();
            _owner.Settle();
        }

        link.IsFilling = false;
    }

    /// <summary>One stripe's pipeline.</summary>
    private sealed class Link(LogletConfig config)
    {
        public LogletConfig Config => config;

        public SimConnection? Connection { get; set; }

        public bool IsDialling { get; set; }

        public bool IsFilling { get; set; }

        public SortedSet<ulong> Unanswered { get; } = [];

        public SortedSet<ulong> Unsent { get; } = [];
    }
}
