using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>Turns what storage finds at a start into replica cores.</summary>
internal sealed class RecoveredReplicas(ILogger logger) : ISegmentLogVisitor
{
    private readonly SortedDictionary<LogletId, (SegmentLog Log, ReplicaCore Core)> _found = [];

    public IEnumerable<(LogletId Id, SegmentLog Log, ReplicaCore Core)> Found => _found.Select(f => (f.Key, f.Value.Log, f.Value.Core));

    public void OnRecord(SegmentLog log, in RecordHeader header, ReadOnlySpan<byte> payload, long address)
    {
        var core = CoreOf(log, header.Loglet);
        switch (header.Kind)
        {
            case RecordKind.Entries or RecordKind.RepairEntries:
                core.RecoverEntries(header.First, header.Count);
                break;
            case RecordKind.Seal:
                core.RecoverSeal();
                break;
            case RecordKind.Trim:
                core.RecoverTrim(header.First);
                break;
            case RecordKind.Config:
                var reader = new MessageReader(payload);
                if (LogletConfig.Read(ref reader) is { } config && reader.IsComplete) core.RecoverConfig(config);
                else logger.ConfigUnreadable(header.Loglet);
                break;
            default:
                break;
        }
    }

    public void OnUnknownRange(SegmentLog log, LogletId loglet, long first, long endExclusive) => CoreOf(log, loglet).RecoverUnknown(first, endExclusive);

    public void OnDamage(SegmentLog log, string file, long offset, long length)
    {
        foreach (var member in log.Members) CoreOf(log, member).RecoverDamage();
        foreach (var (owner, core) in _found.Values)
        {
            if (owner == log) core.RecoverDamage();
        }
    }

    private ReplicaCore CoreOf(SegmentLog log, LogletId id)
    {
        if (_found.TryGetValue(id, out var known)) return known.Core;
        var core = ReplicaCore.Recovered();
        _found.Add(id, (log, core));
        return core;
    }
}
