using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Reconfiguration;

/// <summary>reconfigTruncate: takes old segments out of the chain and, after a grace, deletes their Loglets.</summary>
internal sealed class SegmentRetirer(ChainWriter writer, ILogletFactory loglets, ReconfigurerOptions options, TimeProvider time, ILogger logger)
{
    public async ValueTask<ReconfigResult> TruncateAsync(string log, long position, ChainEdit edit, CancellationToken cancellationToken)
    {
        var chain = await writer.ReadAsync(log, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var next = ChainEdits.Truncate(chain, position, edit);
            var dropped = chain.Segments.Take(chain.Segments.Count - next.Segments.Count).ToList();
            if (dropped.Count == 0) return new ReconfigResult(chain, false, default);
            var begun = time.GetTimestamp();
            ChainWriteOutcome outcome;
            try
            {
                // Not by the start, which an empty segment leaves where it was; nor by the Loglets, which a modification may have replaced.
                outcome = await writer.WriteAsync(log, next, c => dropped.TrueForAll(s => c.FindByInstallId(s.InstallId) is null), cancellationToken).ConfigureAwait(false);
            }
            catch (MetaStoreUnavailableException e)
            {
                throw new DelosException(DelosErrorCode.Unavailable, e.Message, e);
            }

            chain = outcome.Chain;
            if (!outcome.Won) continue;
            var durations = new ReconfigDurations(default, default, time.GetElapsedTime(begun));
            await DeleteAsync(dropped.Select(s => s.Loglet), cancellationToken).ConfigureAwait(false);
            return new ReconfigResult(chain, true, durations);
        }
    }

    /// <summary>Deletes Loglets that have left every installed chain for good, after the grace. A node that is down keeps its copy; that is logged and harms nobody.</summary>
    public async ValueTask DeleteAsync(IEnumerable<LogletConfig> configs, CancellationToken cancellationToken)
    {
        await Task.Delay(options.DeleteGrace, time, cancellationToken).ConfigureAwait(false);
        foreach (var config in configs)
        {
            var loglet = loglets.Open(config);
            await using (loglet.ConfigureAwait(false))
            {
                try
                {
                    await loglet.DeleteAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (LogletException e)
                {
                    logger.CandidateNotDeleted(config.Id, e);
                }
            }
        }
    }
}
