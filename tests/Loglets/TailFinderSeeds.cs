using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Loglets;

/// <summary>
/// Several observers at once against replicas in memory, messages late, lost or answered by replicas that stop for a while, by seed. What must hold is what
/// native_loglet.pml checks: no tail that anybody installs lies below an acknowledged append or a tail reported open, and a majority holds all below it.
/// </summary>
[TestFixture]
public class TailFinderSeeds
{
    [Test]
    [Category("Trap03")]
    [Category("Trap10")]
    public void Every_sealed_tail_covers_all_that_was_acknowledged_and_is_on_a_majority([Values(3, 5)] int replicas, [Range(0, 9)] int block)
    {
        for (var seed = block * 300; seed < (block + 1) * 300; seed++) new World(seed, replicas).Run();
    }

    private sealed class World
    {
        private readonly Random _random;
        private readonly int _seed;
        private readonly LogletConfig _config;
        private readonly LogletOptions _options = LogletOptions.Default with { CaseFiveBound = TimeSpan.FromMilliseconds(40), RetryDelay = TimeSpan.FromMilliseconds(2), MaxRetryDelay = TimeSpan.FromMilliseconds(10) };
        private readonly Node[] _nodes;
        private readonly List<Observer> _observers = [];
        private readonly List<(Observer Observer, TailRequest Request)> _sent = [];
        private readonly List<(Observer Observer, Action Answer)> _answers = [];
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;
        private long _assigned;
        private long _global;
        private long _promised;
        private bool _sequencerDead;

        public World(int seed, int replicas)
        {
            _seed = seed;
            _random = new Random(seed);
            _nodes = [.. Enumerable.Range(0, replicas).Select(_ => new Node())];
            _config = LogletConfig.Native(new LogletId(0, (ulong)seed), 1, 42, [.. Enumerable.Range(1, replicas).Select(i => new ReplicaId((uint)i, Guid.Empty))]);
        }

        public void Run()
        {
            for (var step = 0; step < 400; step++) Step(faults: true);
            foreach (var node in _nodes) node.Stopped = false;
            Start(seal: true);
            for (var step = 0; step < 20_000 && _observers.Any(o => o.Finder.Outcome == TailOutcome.Pending); step++) Step(faults: false);
            Assert.That(_observers.Select(o => o.Finder.Outcome), Has.None.EqualTo(TailOutcome.Pending), $"seed {_seed}: somebody waits for ever");
        }

        private void Step(bool faults)
        {
            _now += TimeSpan.FromMilliseconds(_random.Next(3) == 0 ? 1 : 0);
            switch (_random.Next(12))
            {
                case 0 when !_sequencerDead:
                    _assigned += _random.Next(3);
                    break;
                case 1 or 2 or 3 when !_sequencerDead:
                    Store(_nodes[_random.Next(_nodes.Length)]);
                    break;
                case 4 when faults && !_sequencerDead:
                    _sequencerDead = _random.Next(20) == 0;
                    break;
                case 5 when faults && _observers.Count < 4 && _random.Next(6) == 0:
                    Start(_random.Next(3) == 0);
                    break;
                case 6 when faults && _random.Next(8) == 0:
                    var stopped = _nodes[_random.Next(_nodes.Length)];
                    stopped.Stopped = !stopped.Stopped;
                    break;
                case 7 when faults && _random.Next(10) == 0 && _global > 0:
                    _nodes[_random.Next(_nodes.Length)].TrimTo(_random.NextInt64(_global + 1));
                    break;
                case 8 or 9 when _sent.Count > 0:
                    Deliver(Take(_sent), faults);
                    break;
                case 10 when _answers.Count > 0:
                    var (observer, answer) = Take(_answers);
                    answer();
                    After(observer);
                    break;
                case 11:
                    foreach (var each in _observers)
                    {
                        each.Finder.OnTick(_now);
                        After(each);
                    }

                    break;
                default:
                    break;
            }
        }

        private void Start(bool seal)
        {
            var observer = new Observer(new TailFinder(_config, _options, seal, _now), Math.Max(_global, _promised));
            _observers.Add(observer);
            After(observer);
        }

        private void Store(Node node)
        {
            if (node.Stopped || node.Sealed || node.Tail >= _assigned) return;
            node.Tail++;
            node.Acknowledged = node.Tail;
            Commit();
        }

        private void Commit()
        {
            var acknowledged = _nodes.Select(n => n.Acknowledged).OrderDescending().ElementAt(_config.Quorum - 1);
            _global = Math.Max(_global, acknowledged);
            foreach (var node in _nodes)
            {
                if (!_sequencerDead && !node.Stopped && _random.Next(3) == 0) node.Global = _global;
            }
        }

        private void Deliver((Observer Observer, TailRequest Request) sent, bool faults)
        {
            var (observer, request) = sent;
            var finder = observer.Finder;
            var node = _nodes[request.Replica];
            var lost = faults && _random.Next(10) == 0;
            if (node.Stopped || (lost && _random.Next(2) == 0))
            {
                Answer(() => finder.OnFailed(request, _now));
                return;
            }

            Action answer;
            switch (request.Kind)
            {
                case TailRequestKind.Status:
                    var status = new StatusReply(StatusCode.Ok, 42, node.Sealed, node.Tail, node.Global, node.Trim, false);
                    answer = () => finder.OnStatus(request, status, _now);
                    break;
                case TailRequestKind.Seal:
                    node.Sealed = true;
                    var seal = new SealReply(StatusCode.Ok, node.Tail, node.Trim);
                    answer = () => finder.OnSealed(request, seal, _now);
                    break;
                case TailRequestKind.Jump:
                    node.TrimTo(request.First);
                    var point = node.Trim;
                    answer = () => finder.OnMoved(request, StatusCode.Ok, point, _now);
                    break;
                default:
                    answer = Copy(finder, request, node, _nodes[request.Source]);
                    break;
            }

            Answer(lost ? () => finder.OnFailed(request, _now) : answer);

            void Answer(Action action) => _answers.Add((observer, action));
        }

        private Action Copy(TailFinder finder, TailRequest request, Node node, Node source)
        {
            if (source.Stopped) return () => finder.OnSourceFailed(request, damaged: false, _now);
            if (source.Trim > request.First)
            {
                var trim = source.Trim;
                return () => finder.OnSourceTrimmed(request, trim, _now);
            }

            var end = Math.Min(Math.Min(request.End, source.Tail), request.First + 1 + _random.Next(3));
            Assert.That(node.Sealed && source.Sealed && end > request.First, $"seed {_seed}: a copy that makes no sense");
            if (request.First > node.Tail) return () => finder.OnMoved(request, StatusCode.OutOfOrder, node.Tail, _now);
            node.Tail = Math.Max(node.Tail, end);
            var tail = node.Tail;
            return () => finder.OnMoved(request, StatusCode.Ok, tail, _now);
        }

        private void After(Observer observer)
        {
            while (observer.Finder.TryTakeRequest(out var request)) _sent.Add((observer, request));
            if (observer.Checked || observer.Finder.Outcome == TailOutcome.Pending) return;
            observer.Checked = true;
            var tail = observer.Finder.Tail;
            switch (observer.Finder.Outcome)
            {
                case TailOutcome.Open:
                    Assert.That(tail, Is.GreaterThanOrEqualTo(observer.Floor), $"seed {_seed}: a tail behind what was acknowledged before the call");
                    _promised = Math.Max(_promised, tail);
                    break;
                case TailOutcome.Sealed:
                    observer.Stop = tail;
                    break;
                default:
                    break;
            }

            Check();
        }

        /// <summary>After every result: whichever of the sealed tails is installed, nothing known before or found open later is lost.</summary>
        private void Check()
        {
            foreach (var stop in _observers.Where(o => o.Stop >= 0).Select(o => o.Stop))
            {
                Assert.That(stop, Is.GreaterThanOrEqualTo(Math.Max(_global, _promised)), $"seed {_seed}: an acknowledged entry, or one below a tail reported open, lies beyond the stop");
                Assert.That(stop, Is.LessThanOrEqualTo(_assigned), $"seed {_seed}");
                Assert.That(_nodes.Count(n => n.Tail >= stop), Is.GreaterThanOrEqualTo(_config.Quorum), $"seed {_seed}: the stop is not on a majority");
            }
        }

        private T Take<T>(List<T> list)
        {
            var index = _random.Next(list.Count);
            var item = list[index];
            list.RemoveAt(index);
            return item;
        }

        private sealed class Observer(TailFinder finder, long floor)
        {
            public TailFinder Finder => finder;

            public long Floor => floor;

            public bool Checked { get; set; }

            public long Stop { get; set; } = -1;
        }

        private sealed class Node
        {
            public long Tail { get; set; }

            public long Acknowledged { get; set; }

            public long Global { get; set; }

            public long Trim { get; private set; }

            public bool Sealed { get; set; }

            public bool Stopped { get; set; }

            public void TrimTo(long point)
            {
                if (Stopped) return;
                Trim = Math.Max(Trim, point);
                Tail = Math.Max(Tail, Trim);
            }
        }
    }
}
