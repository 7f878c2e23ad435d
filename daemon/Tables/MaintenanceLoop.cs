using Delos.Client;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>
/// Has the work done that tables leave for later: indexes are filled, what expired or was dropped is removed. Every replica does it: several at once get on faster, and one alone suffices. What hinders it is said once, when it begins,
/// when it becomes something else, and when it is over.
/// </summary>
/// <param name="step">Does some of what is due, and tells whether there is more at once.</param>
/// <param name="rest">How long nothing is done, about, when nothing more is due.</param>
/// <param name="timeProvider">Its clock.</param>
/// <param name="logger">Told what hinders it.</param>
internal sealed class MaintenanceLoop(Func<CancellationToken, ValueTask<bool>> step, TimeSpan rest, TimeProvider timeProvider, ILogger logger)
{
    /// <summary>Rows or keys for each command: a few milliseconds of each replica's apply loop.</summary>
    private const int Steps = 1000;

    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(1);

    private string? _problem;

    /// <summary>That of a replica's tables.</summary>
    public static MaintenanceLoop Of(DelosRuntime runtime, TableMaintenance maintenance, TimeProvider timeProvider, ILogger logger) =>
        new(token => StepAsync(runtime, maintenance, timeProvider, token), s_rest, timeProvider, logger);

    /// <summary>Until cancelled; never fails.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var more = false;
            try
            {
                more = await step(cancellationToken).ConfigureAwait(false);
                OnDone();
            }
            catch (Exception e) when (e is DelosException or OperationCanceledException)
            {
                // The replica is in the dark, which others report; later.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Of a store that is being closed there is nothing to say.
                if (!cancellationToken.IsCancellationRequested) OnFailed(e);
            }

            // Not all replicas at the same time.
            if (!more) await Task.Delay(rest * (0.5 + Random.Shared.NextDouble()), timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async ValueTask<bool> StepAsync(DelosRuntime runtime, TableMaintenance maintenance, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        if (runtime.Status.State != RuntimeState.Applying) throw new DelosException(DelosErrorCode.Unavailable, "The replica does not follow the log.");
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

    private void OnDone()
    {
        if (_problem is null) return;
        _problem = null;
        logger.TableMaintenanceRecovered();
    }

    private void OnFailed(Exception e)
    {
        var problem = $"{e.GetType().Name}: {e.Message}";
        if (problem == _problem) return;
        _problem = problem;
        logger.TableMaintenanceFailed(e);
    }
}
