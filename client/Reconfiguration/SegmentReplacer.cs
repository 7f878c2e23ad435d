using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Client.Reconfiguration;

/// <summary>
/// reconfigModify: gives one sealed segment another Loglet. Copy <c>[start, stop)</c> of the installed chain into a new Loglet, verify, conditional write, grace, delete the old one.
/// Needs no seal, and appends are not disturbed. Append ids travel with their entries, so appends are still resolved afterwards.
/// </summary>
internal sealed class SegmentReplacer(
    ChainWriter writer, ILogletFactory loglets, IPlacement placement, ISegmentCopier copier, SegmentRetirer retirer, CandidateCleaner cleaner, TimeProvider time)
{
    public async ValueTask<ReconfigResult> ModifyAsync(string log, LogletId id, ReconfigModifyOptions modify, ChainEdit edit, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var chain = await writer.ReadAsync(log, cancellationToken).ConfigureAwait(false);
        var segment = Find(chain, id) ?? throw new DelosException(DelosErrorCode.NotFound, $"No segment of log '{log}' has Loglet {id}.");
        if (segment.Stop is not { } stop) throw new DelosException(DelosErrorCode.InvalidRequest, $"Loglet {id} is the active segment of log '{log}': extend the chain first.");

        if (modify.Edits.Keys.Where(p => p < segment.Start || p >= stop).ToList() is { Count: > 0 } outside)
            throw new DelosException(DelosErrorCode.InvalidRequest, $"Position {outside[0]} is not in the segment [{segment.Start}, {stop}) of Loglet {id}.");

        // Nothing is appended to it any more: one Loglet holds what stripes held, at the same positions.
        var policy = LogPolicy.Native(modify.Replicas?.Count ?? modify.Replication ?? chain.Policy.Replication);
        var target = await placement.PlaceAsync(policy, new PlacementHint { IsPlanned = true, Former = segment.Loglet, Avoid = modify.Avoid, Replicas = modify.Replicas }, cancellationToken).ConfigureAwait(false);
        var prepared = time.GetTimestamp();

        long copied;
        ChainWriteOutcome outcome;
        try
        {
            await CopyAsync(segment, modify.Edits, target, cancellationToken).ConfigureAwait(false);
            copied = time.GetTimestamp();
            while (true)
            {
                // The segment's bounds never change, so the copy stays good whatever else was edited meanwhile.
                if (ChainEdits.Modify(chain, segment.Loglet, target, edit) is not { } next)
                {
                    cleaner.Delete(target);
                    return new ReconfigResult(chain, false, default);
                }

                outcome = await writer.WriteAsync(log, next, c => Find(c, target.Id) is not null, cancellationToken).ConfigureAwait(false);
                chain = outcome.Chain;
                if (outcome.Won) break;
            }
        }
        catch (MetaStoreUnavailableException e)
        {
            if (!e.OutcomeUnknown) cleaner.Delete(target);
            throw new DelosException(DelosErrorCode.Unavailable, e.Message, e);
        }

        var durations = new ReconfigDurations(time.GetElapsedTime(begun, prepared), time.GetElapsedTime(prepared, copied), time.GetElapsedTime(copied));
        await retirer.DeleteAsync([segment.Loglet], cancellationToken).ConfigureAwait(false);
        return new ReconfigResult(chain, true, durations);
    }

    private static Segment? Find(Chain chain, LogletId id)
    {
        foreach (var segment in chain.Segments)
        {
            if (segment.Loglet.Id == id) return segment;
        }

        return null;
    }

    private async ValueTask CopyAsync(Segment from, IReadOnlyDictionary<long, EntryEdit> edits, LogletConfig target, CancellationToken cancellationToken)
    {
        try
        {
            var length = from.Stop!.Value - from.Start;
            var loglet = loglets.Open(from.Loglet);
            await using (loglet.ConfigureAwait(false))
            {
                var source = new EditedReader(loglet, edits.ToDictionary(e => e.Key - from.Start, static e => e.Value));
                await copier.CopyAsync(source, length, target, cancellationToken).ConfigureAwait(false);
                if (source.Missing is { } missing) throw new DelosException(DelosErrorCode.InvalidRequest, $"Position {from.Start + missing} cannot be edited: it was trimmed, or holds no entry of an application.");
                var copy = loglets.Open(target);
                await using (copy.ConfigureAwait(false))
                {
                    await VerifyAsync(source, copy, length, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e)
        {
            // Its write was never sent.
            cleaner.Delete(target);
            if (e is LogletException or Protocol.Connections.ConnectionLostException or Protocol.Connections.DelosProtocolException)
                throw new DelosException(DelosErrorCode.Unavailable, $"Loglet {from.Loglet.Id} could not be copied: {e.Message}", e);
            throw;
        }
    }

    /// <summary>The two hold the same entries, but for the edits bit by bit, at the same positions: compared by count and by one CRC over each Loglet's entries, read back from its replicas.</summary>
    private async ValueTask VerifyAsync(ILogletReader source, ILogletReader copy, long length, CancellationToken cancellationToken)
    {
        var expected = await LogletDigest.ComputeAsync(source, length, cancellationToken).ConfigureAwait(false);
        var found = await LogletDigest.ComputeAsync(copy, length, cancellationToken).ConfigureAwait(false);
        if (expected != found)
            throw new DelosException(DelosErrorCode.Corrupt, $"The copy of Loglet {source.Config.Id} differs from it: {expected} against {found}.");
    }
}
