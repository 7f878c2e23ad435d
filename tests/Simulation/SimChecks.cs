using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Tests.Simulation;

/// <summary>What the logs promised, held against everything that any client is told, as it happens.</summary>
internal sealed class SimChecks(SimWorld world)
{
    private readonly Dictionary<(string Log, ulong Version), byte[]> _versions = [];
    private readonly Dictionary<string, Chain> _newest = [];
    private readonly Dictionary<string, LogState> _logs = [];
    private readonly HashSet<LogletId> _modified = [];

    public long Appends { get; private set; }

    public long Tails { get; private set; }

    public long Reads { get; private set; }

    public long Unknown { get; set; }

    public long Operations => Appends + Tails + Reads;

    public int Versions => _versions.Count;

    /// <summary>One winner per version; stops never change; segments back to back; a Loglet id in one segment only.</summary>
    public Chain? OnChain(string log, DecidedVersion decided)
    {
        if (decided.Version == 0) return null;
        var bytes = decided.Value!.Payload.ToArray();
        if (_versions.TryGetValue((log, decided.Version), out var known))
        {
            if (!known.AsSpan().SequenceEqual(bytes)) world.Violate($"version {decided.Version} of {log} has two winners");
        }
        else
        {
            _versions[(log, decided.Version)] = bytes;
        }

        var chain = ChainCodec.Decode(decided.Version, bytes)!;
        var newest = _newest.GetValueOrDefault(log);
        if (newest is not null && newest.Version >= chain.Version) return chain;
        _newest[log] = chain;
        for (var i = 1; i < chain.Segments.Count; i++)
        {
            if (chain.Segments[i - 1].Stop != chain.Segments[i].Start) world.Violate($"{log} v{chain.Version}: a hole between segments");
        }

        LogletId[] ids = [.. chain.Segments.SelectMany(s => s.Loglet.Stripes.Prepend(s.Loglet)).Select(l => l.Id)];
        if (ids.Distinct().Count() != ids.Length) world.Violate($"{log} v{chain.Version}: a Loglet id was used again");
        foreach (var segment in newest?.Segments ?? [])
        {
            if (chain.FindByInstallId(segment.InstallId) is { } now && segment.Stop is { } stop && now.Stop != stop) world.Violate($"{log} v{chain.Version}: the stop {stop} became {now.Stop}");
        }

        return chain;
    }

    /// <summary>The newest chain that anybody knows.</summary>
    public Chain Newest(string log) => _newest[log];

    public Chain? FindNewest(string log) => _newest.GetValueOrDefault(log);

    /// <summary>No operation that begins now may be answered with less.</summary>
    public long Promised(string log) => Log(log).Promised;

    public long Trimmed(string log) => Log(log).Trimmed;

    /// <summary>The Loglet is an operator's copy of a stopped segment.</summary>
    public void OnModified(LogletId id) => _modified.Add(id);

    public bool IsModified(LogletId id) => _modified.Contains(id);

    /// <summary>Somebody asked for it.</summary>
    public void OnTrim(string log, long position) => Log(log).Trimmed = Math.Max(Log(log).Trimmed, position);

    /// <summary>A trim was answered: whoever is told that everything below was given up is told that the log goes so far.</summary>
    public void OnTrimmed(string log, long achieved)
    {
        if (achieved > Log(log).Trimmed) world.Violate($"{log}: trimmed up to {achieved}, but only {Log(log).Trimmed} was asked for");
        Log(log).Promised = Math.Max(Log(log).Promised, achieved);
    }

    public void OnAcknowledged(string log, AppendId id, long position, long promisedBefore)
    {
        Appends++;
        if (world.IsDetailed) world.Tell($"{log}: {id} acknowledged at {position}");
        var state = Log(log);
        if (position < promisedBefore) world.Violate($"{log}: {id} at {position} was begun after {promisedBefore} had been promised");
        if (!state.Acknowledged.TryAdd(id, position)) world.Violate($"{log}: {id} was acknowledged twice");
        if (state.Refused.Contains(id)) world.Violate($"{log}: {id} was refused and acknowledged");
        Value(log, position, id);
        state.Promised = Math.Max(state.Promised, position + 1);
    }

    public void OnRefused(string log, AppendId id) => Log(log).Refused.Add(id);

    public void OnTail(string log, long tail, long promisedBefore)
    {
        Tails++;
        if (world.IsDetailed) world.Tell($"{log}: checkTail {tail}");
        if (tail < promisedBefore) world.Violate($"{log}: checkTail said {tail} after {promisedBefore} had been promised");
        Log(log).Promised = Math.Max(Log(log).Promised, tail);
    }

    public void OnRead(string log, long position, AppendId id)
    {
        if (id == default) world.Count("gap read");
        else Reads++;
        Value(log, position, id);

        // Who has seen an entry knows that the log goes so far.
        Log(log).Promised = Math.Max(Log(log).Promised, position + 1);
    }

    /// <summary>After all: the whole log was read up to its tail.</summary>
    public void OnWhole(string log, long from, AppendId[] entries)
    {
        var state = Log(log);
        for (var i = 0; i < entries.Length; i++) Value(log, from + i, entries[i]);
        if (from + entries.Length < state.Promised) world.Violate($"{log}: ends at {from + entries.Length}, but {state.Promised} was promised");
        foreach (var (id, position) in state.Acknowledged)
        {
            if (position >= from && (position - from >= entries.Length || entries[position - from] != id)) world.Violate($"{log}: {id}, acknowledged at {position}, is lost");
        }
    }

    private void Value(string log, long position, AppendId id)
    {
        var state = Log(log);
        if (state.Values.TryGetValue(position, out var known))
        {
            if (known != id) world.Violate($"{log}: position {position} has two values, {known} and {id}");
        }
        else
        {
            state.Values[position] = id;

            // Gap records are all alike, and nobody's.
            if (id != default && !state.Positions.TryAdd(id, position)) world.Violate($"{log}: {id} stands at {state.Positions[id]} and {position}");
        }

        if (state.Refused.Contains(id)) world.Violate($"{log}: {id} was refused and is at {position}");
    }

    private LogState Log(string log)
    {
        if (!_logs.TryGetValue(log, out var state)) _logs[log] = state = new LogState();
        return state;
    }

    private sealed class LogState
    {
        public Dictionary<long, AppendId> Values { get; } = [];

        public Dictionary<AppendId, long> Positions { get; } = [];

        public Dictionary<AppendId, long> Acknowledged { get; } = [];

        public HashSet<AppendId> Refused { get; } = [];

        public long Promised { get; set; }

        public long Trimmed { get; set; }
    }
}
