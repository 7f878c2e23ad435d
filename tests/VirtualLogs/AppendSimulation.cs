using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;

namespace Delos.Tests.VirtualLogs;

/// <summary>
/// exactly_once.pml with pipelining, by seed and in one thread: Loglets as native_loglet.pml shows them, copies of appends that arrive late, twice or never, lost answers, seals whose observers compute different tails,
/// trims. The client is the lifecycle and the resolver, as the appender uses them.
/// </summary>
internal sealed class AppendSimulation(int seed)
{
    private const ulong Me = 1;
    private const ulong Other = 2;

    private readonly Random _random = new(seed);
    private readonly List<Log> _logs = [new(0)];
    private readonly List<(int Log, ulong Sequence, ulong Floor)> _network = [];
    private readonly List<AppendLifecycle> _appends = [];
    private ulong _others;
    private int _at;

    public int Resolved { get; private set; }

    public int Unknown { get; private set; }

    /// <summary>Drives it to its end; throws on the first broken rule.</summary>
    public void Run(int appends, int steps, bool trims)
    {
        for (var i = 0; i < steps; i++)
        {
            switch (_random.Next(trims ? 13 : 12))
            {
                case 0 or 1 when _appends.Count < appends: Begin(); break;
                case 2: Send(); break;
                case 3 or 4: Deliver(); break;
                case 5: Active.Commit(_random); break;
                case 6: Acknowledge(); break;
                case 7: GiveBack(); break;
                case 8 when _random.Next(4) == 0: Seal(); break;
                case 9: Install(); break;
                case 10: Resolve(); break;
                case 11: OthersAppend(); break;
                case 12 when _random.Next(8) == 0: Trim(); break;
            }

            Check();
        }

        // Quiet: everything must come to an end.
        for (var i = 0; i < 10_000 && _appends.Any(a => !a.IsOver); i++)
        {
            Install();
            foreach (var log in _logs) log.Commit(_random);
            Acknowledge();
            if (_logs[_at].Stop is not null) Resolve();
            else if (_random.Next(3) == 0) Send();
            Deliver();
            if (i % 50 == 49 && _logs[_at].Stop is null) GiveBack();
            Check();
        }

        Assert.That(_appends.All(a => a.IsOver), "An append was never answered.");
    }

    private Log Active => _logs[^1];

    /// <summary>The client's floor: its lowest unresolved sequence.</summary>
    private ulong Floor => _appends.FirstOrDefault(a => !a.IsOver)?.Sequence ?? (ulong)_appends.Count + 1;

    private void Begin()
    {
        var append = new AppendLifecycle();
        append.Begin((ulong)_appends.Count + 1);
        _appends.Add(append);
    }

    /// <summary>Everything that may go to the client's segment goes, in order; parked ones only as a resend.</summary>
    private void Send()
    {
        var log = _logs[_at];
        foreach (var append in _appends)
        {
            if (append.State is not (AppendState.Ready or AppendState.Parked)) continue;

            // The known tail is what was acknowledged to the client or reported open: at most what is committed.
            append.OnSend(log.Segment, log.KnownTail);
            _network.Add((_at, append.Sequence, Floor));
        }
    }

    private void Deliver()
    {
        if (_network.Count == 0) return;
        var i = _random.Next(_network.Count);
        var (log, sequence, floor) = _network[i];
        if (_random.Next(4) != 0) _network.RemoveAt(i);
        if (_random.Next(8) != 0) _logs[log].Append(new AppendId(Me, sequence), floor);
    }

    private void Acknowledge()
    {
        var log = _logs[_at];
        foreach (var append in _appends)
        {
            if (append.State != AppendState.Sent) continue;
            if (log.PositionOf(append.Sequence) is not { } position || position >= log.Committed || _random.Next(3) == 0) break;
            log.KnownTail = Math.Max(log.KnownTail, position + 1);
            append.OnAcknowledged(position);
        }
    }

    private void GiveBack()
    {
        var log = _logs[_at];
        var named = log.IsSealed && _random.Next(2) == 0;
        foreach (var append in _appends)
        {
            if (append.State == AppendState.Sent) append.OnGivenBack(named ? log.PositionOf(append.Sequence) ?? -1 : -1);
        }

        if (!log.IsSealed && _random.Next(2) == 0) Send();
    }

    private void Seal() => Active.Seal(_random);

    private void Install()
    {
        if (!Active.IsSealed || Active.Stop is not null) return;
        var stop = Active.Low + _random.NextInt64(Active.Assigned - Active.Low + 1);
        Active.Stop = stop;
        _logs.Add(new Log(Active.Start + stop));
    }

    private void Resolve()
    {
        var log = _logs[_at];
        if (log.Stop is not { } stop) return;
        GiveBackAll();
        var parked = _appends.Where(a => a.State == AppendState.Parked).ToList();
        var resolver = new AppendResolver(log.Segment, Me, parked);
        if (resolver.From < log.Trimmed) resolver.OnTrimmed(log.Trimmed);
        for (var p = resolver.From; p < resolver.To; p++) resolver.OnEntry(p, log[p]);
        resolver.OnEnd();
        Resolved += parked.Count;
        Unknown += parked.Count(a => a.State == AppendState.Failed);
        _at++;
        if (_at < _logs.Count - 1 && _random.Next(2) == 0) _at = _logs.Count - 1;
    }

    private void GiveBackAll()
    {
        foreach (var append in _appends)
        {
            if (append.State == AppendState.Sent) append.OnGivenBack(-1);
        }
    }

    private void OthersAppend() => Active.Append(new AppendId(Other, ++_others), _others);

    private void Trim()
    {
        var log = _logs[_random.Next(_logs.Count)];
        log.Trimmed = Math.Max(log.Trimmed, _random.NextInt64(Math.Min(log.Committed, log.Stop ?? log.Committed) + 1));
    }

    private void Check()
    {
        var seen = new Dictionary<ulong, long>();
        foreach (var log in _logs)
        {
            for (var p = 0L; p < (log.Stop ?? log.Assigned); p++)
            {
                if (log[p].ClientId == Me && !seen.TryAdd(log[p].Sequence, log.Start + p))
                    Assert.Fail($"Seed {seed}: append {log[p].Sequence} is at {seen[log[p].Sequence]} and at {log.Start + p}.");
            }
        }

        foreach (var append in _appends)
        {
            if (append.State == AppendState.Done && (!seen.TryGetValue(append.Sequence, out var at) || at != append.Position))
                Assert.Fail($"Seed {seed}: append {append.Sequence} was answered with {append.Position}, which is not where it is.");
        }
    }

    /// <summary>A Loglet: positions assigned by one sequencer with its table of ids; when sealed, every observer's tail lies in [Low, Assigned].</summary>
    private sealed class Log(long start)
    {
        private readonly List<AppendId> _entries = [];
        private readonly Dictionary<ulong, long> _table = [];
        private readonly Guid _installId = Guid.NewGuid();
        private readonly LogletConfig _config = MemoryLogletFactory.NewConfig();
        private ulong _floor;

        public long Start => start;

        public long? Stop { get; set; }

        public long Committed { get; private set; }

        public long KnownTail { get; set; }

        public long Assigned => _entries.Count;

        public bool IsSealed { get; private set; }

        public long Low { get; private set; }

        public long Trimmed { get; set; }

        public Segment Segment => new(start, start + Stop, _config, _installId, 1);

        public AppendId this[long position] => _entries[(int)position];

        public long? PositionOf(ulong sequence) => _table.TryGetValue(sequence, out var position) ? position : null;

        /// <summary>What a sequencer that does not know of the seal still assigns lies behind every observer's tail, so it is left out.</summary>
        public void Append(AppendId id, ulong floor)
        {
            if (IsSealed) return;
            if (id.ClientId == Me)
            {
                _floor = Math.Max(_floor, floor);
                if (id.Sequence < _floor || _table.ContainsKey(id.Sequence)) return;
                _table[id.Sequence] = _entries.Count;
            }

            _entries.Add(id);
        }

        public void Commit(Random random)
        {
            var most = IsSealed ? Low : Assigned;
            if (most > Committed) Committed += random.NextInt64(most - Committed + 1);
        }

        public void Seal(Random random)
        {
            if (IsSealed) return;
            IsSealed = true;
            Low = Committed + random.NextInt64(Assigned - Committed + 1);
        }
    }
}
