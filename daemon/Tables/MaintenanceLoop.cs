using Delos.Client;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>Has the work done that tables leave for later: indexes are filled, what expired or was dropped is removed. Every replica does it: several at once get on faster, and one alone suffices.</summary>
internal sealed class MaintenanceLoop(DelosRuntime runtime, TableMaintenance maintenance, TimeProvider timeProvider, ILogger logger)
{
    /// <summary>Rows or keys for each command: a few milliseconds of each replica's apply loop.</summary>
    private const int Steps = 1000;

    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(1);

    /// <summary>Until cancelled; never fails.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var more = false;
            try
            {
                if (runtime.Status.State == RuntimeState.Applying) more = await StepAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is DelosException or OperationCanceledException or LocalStoreException)
            {
                // The replica is in trouble or in the dark, which others report; later.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logger.TableMaintenanceFailed(e);
            }

            // Not all replicas at the same time.
            if (!more) await Task.Delay(s_rest * (0.5 + Random.Shared.NextDouble()), timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whether there is more to do at once.</summary>
    private async Task<bool> StepAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<TableCommand> due;
        using (var store = await runtime.ReadAsync(ReadLevel.Stale, cancellationToken).ConfigureAwait(false)) due = maintenance.Due(store, CellValue.MicrosOf(timeProvider.GetUtcNow()), Steps);
        var more = false;
        foreach (var command in due)
        {
            var result = await runtime.ProposeAsync(TableCommandCodec.Encode(command), cancellationToken).ConfigureAwait(false);
            more |= TableReply.Decode(result.Payload.Span) is { More: true };
        }

        return more;
    }
}
