using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>Edits of a chain behind its active segment, as client/Reconfiguration/SegmentReplacer.cs, ReplicaCopier.cs and SegmentRetirer.cs make them.</summary>
internal sealed class SimOperator(SimProcess me, ClusterSimulation cluster, SimMetaClient meta, SimReconfigurer reconfigurer)
{
    /// <summary>reconfigModify: a stopped segment moves to another Loglet, a native one whatever it was. Gives up at the first trouble.</summary>
    public async Task ModifyAsync(string log)
    {
        if (await meta.ReadAsync(log) is not { Segments.Count: > 1 } chain) return;
        await ReplaceAsync(log, chain, chain.Segments[me.World.Random.Next(chain.Segments.Count - 1)], null);
    }

    /// <summary>reconfigModify: one entry is patched or, for null, deleted; its segment is stopped first if it is the active one. Gives up when the entry was trimmed.</summary>
    public async Task EditAsync(string log, long position, byte[]? content)
    {
        ulong? number = content is null ? null : cluster.Contents.Add(content);
        while (true)
        {
            await me.Delay(5_000);
            if (await meta.ReadAsync(log) is not { } chain) continue;
            if (chain.Find(position) is not { } segment) return;
            if (segment.Stop is null) await reconfigurer.ExtendAsync(log, segment.Loglet.Id);
            else if (await ReplaceAsync(log, chain, segment, (own, entry) => own + segment.Start == position ? SimContents.Edit(entry, number) : entry)) return;
        }
    }

    /// <summary>False: not now.</summary>
    private async Task<bool> ReplaceAsync(string log, Chain chain, Segment segment, Func<long, byte[], byte[]>? edit)
    {
        if (await reconfigurer.PlaceAsync(LogPolicy.Native(chain.Policy.Replication), new PlacementHint { Former = segment.Loglet }) is not { } target) return false;
        if (!await CopyAsync(segment, target, edit ?? (static (_, entry) => entry)))
        {
            await new SimLoglet(me, cluster, target).DeleteAsync();
            return false;
        }

        cluster.Checks.OnModified(target.Id);
        var unknown = false;
        while (ChainEdits.Modify(chain, segment.Loglet, target, reconfigurer.Edit()) is { } next)
        {
            var write = await meta.WriteAsync(log, next);
            unknown |= write.Unknown;
            if (write.Winner is { } winner)
            {
                chain = winner;
                if (write.Won || winner.Segments.Any(s => s.Loglet.Id == target.Id))
                {
                    me.World.Tell($"process {me.Id}: {log} v{winner.Version}, Loglet {segment.Loglet.Id} replaced by {target.Id}");
                    me.World.Count("segment modified");
                    await RetireAsync([segment.Loglet]);
                    return true;
                }
            }
            else
            {
                await me.Delay(20_000);
            }
        }

        if (!unknown) await new SimLoglet(me, cluster, target).DeleteAsync();
        return false;
    }

    /// <summary>reconfigTruncate: old segments leave the chain.</summary>
    public async Task TruncateAsync(string log)
    {
        if (await meta.ReadAsync(log) is not { Segments.Count: > 1 } chain) return;
        var position = chain.Segments[me.World.Random.Next(chain.Segments.Count - 1)].Stop!.Value;
        cluster.Checks.OnTrim(log, position);
        for (var attempts = 0; attempts < 20; attempts++)
        {
            var next = ChainEdits.Truncate(chain, position, reconfigurer.Edit());
            Segment[] dropped = [.. chain.Segments.Take(chain.Segments.Count - next.Segments.Count)];
            if (dropped.Length == 0) return;
            var write = await meta.WriteAsync(log, next);
            if (write.Winner is { } winner && (write.Won || dropped.All(s => winner.FindByInstallId(s.InstallId) is null)))
            {
                me.World.Tell($"process {me.Id}: {log} v{winner.Version} starts at {winner.Start}");
                me.World.Count("chain truncated");
                await RetireAsync([.. dropped.Select(s => s.Loglet)]);
                return;
            }

            chain = write.Winner ?? chain;
            await me.Delay(20_000);
        }
    }

    private async Task RetireAsync(LogletConfig[] loglets)
    {
        await me.Delay(20_000 + me.World.Random.Next(100_000));
        foreach (var loglet in loglets) await SimLoglet.Open(me, cluster, loglet).DeleteAsync();
    }

    /// <summary>Copies [start, stop) onto a majority at least, and reads it back.</summary>
    private async Task<bool> CopyAsync(Segment segment, LogletConfig target, Func<long, byte[], byte[]> edit)
    {
        var length = segment.Stop!.Value - segment.Start;
        var source = SimLoglet.Open(me, cluster, segment.Loglet);
        var copy = new SimLoglet(me, cluster, target);
        ReplicaId[] replicas = await EachAsync(target, [.. target.Replicas], new Seal(target), null);
        var beyond = cluster.Mutant == SimMutant.CopyBeyondStop ? await source.HighestTailAsync() : length;
        for (var position = 0L; position < beyond && replicas.Length >= target.Quorum;)
        {
            var (status, entries, trim) = await source.ReadAsync(position, beyond, Math.Max(length, beyond));
            if (status == StatusCode.Trimmed && trim > position)
            {
                position = Math.Min(trim, length);
                replicas = await EachAsync(target, replicas, new Trim(target.Id, position, position), null);
                continue;
            }

            if (status != StatusCode.Ok || entries.Length == 0) return false;
            replicas = await EachAsync(target, replicas, new Repair(target, position, (uint)entries.Length), [.. entries.SelectMany((e, i) => edit(position + i, e))]);
            position += entries.Length;
        }

        return replicas.Length >= target.Quorum && await IsSameAsync(source, copy, length, edit);
    }

    private static async Task<bool> IsSameAsync(ISimLoglet source, ISimLoglet copy, long length, Func<long, byte[], byte[]> edit)
    {
        for (var position = 0L; position < length;)
        {
            var (one, other) = (await source.ReadAsync(position, length, length), await copy.ReadAsync(position, length, length));
            if (one.Status == StatusCode.Trimmed || other.Status == StatusCode.Trimmed)
            {
                // Trimmed further meanwhile; the copy by then holds more.
                position = Math.Max(position + 1, Math.Max(one.TrimPoint, other.TrimPoint));
                continue;
            }

            var count = Math.Min(one.Entries.Length, other.Entries.Length);
            if (count == 0) return false;
            for (var i = 0; i < count; i++)
            {
                if (!edit(position + i, one.Entries[i]).AsSpan().SequenceEqual(other.Entries[i])) return false;
            }

            position += count;
        }

        return true;
    }

    /// <summary>Those that did it.</summary>
    private async Task<ReplicaId[]> EachAsync(LogletConfig target, ReplicaId[] replicas, object body, byte[]? payload)
    {
        var loglet = new SimLoglet(me, cluster, target);
        var good = new List<ReplicaId>();
        foreach (var replica in replicas)
        {
            var status = (await loglet.AskAsync(replica, body, payload))?.Body switch
            {
                SealReply reply => reply.Status,
                RepairReply reply => reply.Status,
                TrimReply reply when body is Trim trim && reply.TrimPoint >= trim.Position => reply.Status,
                _ => StatusCode.Unavailable,
            };
            if (status == StatusCode.Ok) good.Add(replica);
        }

        return [.. good];
    }
}
