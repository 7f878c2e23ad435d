using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Brings the appends of one handle from a segment that takes no more to the next one: wait for the chain that gives the old one its stop, resolve against that stop, open the new active segment.
/// If the sequencer is merely out of reach and nobody can install a successor, it also resends to the same Loglet from time to time, which knows the appends by their ids.
/// One move at a time; started by <see cref="Appender"/>, under its lock.
/// </summary>
internal sealed class AppendMover(Appender appender, VirtualLog log, ILogletFactory loglets, DelosClientOptions options) : IAsyncDisposable
{
    private static readonly TimeSpan s_tailTimeout = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_young = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_firstResend = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan s_slowestResend = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _closed = new();
    private Task _running = Task.CompletedTask;
    private TimeSpan _resendAfter = s_firstResend;

    public void Start(ILoglet? old, Segment? segment, string cause, bool isSealed)
    {
        if (!_closed.IsCancellationRequested) _running = MoveAsync(_running, old, segment, cause, isSealed);
    }

    /// <summary>What was resent was acknowledged: the next loss is a new one. On any thread.</summary>
    public void NoteResumed() => _resendAfter = s_firstResend;

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _closed.Dispose();
    }

    private async Task MoveAsync(Task former, ILoglet? old, Segment? segment, string cause, bool isSealed)
    {
        await former.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (old is not null) await old.DisposeAsync().ConfigureAwait(false);
            await appender.DrainedAsync().ConfigureAwait(false);
            while (true)
            {
                try
                {
                    if (await TryMoveAsync(segment, cause, isSealed).ConfigureAwait(false) is not { } found) return;
                    (segment, cause, isSealed) = (found, "sealed", true);
                }
                catch (Exception e) when (Patience.IsWorthRetrying(e, _closed.Token) || e is DelosException)
                {
                    log.Logger.AppendsWait(log.Name, e.Message);
                    var error = e as DelosException ?? new DelosException(DelosErrorCode.Unavailable, $"The append was not sent: {e.Message}", e);
                    if (appender.FailUnsent(error)) return;
                    await Task.Delay(TimeSpan.FromMilliseconds(20), options.TimeProvider, _closed.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            // The handle is being disposed; it answers what is left.
        }
        catch (Exception e)
        {
            log.Logger.AppendsAbandoned(log.Name, e);
            appender.FailAll(new DelosException(DelosErrorCode.Internal, $"Appending failed: {e.Message}", e));
        }
    }

    /// <summary>Null: done. Else a segment that turned out to be sealed before anything was sent to it.</summary>
    private async ValueTask<Segment?> TryMoveAsync(Segment? segment, string cause, bool isSealed)
    {
        Chain chain;
        if (segment is null)
        {
            chain = await log.Chains.GetAsync(_closed.Token).ConfigureAwait(false);
        }
        else
        {
            var waiting = log.AwaitSuccessorAsync(segment, cause, isSealed, _closed.Token).AsTask();
            if (!isSealed && await Task.WhenAny(waiting, Task.Delay(_resendAfter, options.TimeProvider, _closed.Token)).ConfigureAwait(false) is var first && (first != waiting || waiting is { IsCompletedSuccessfully: true, Result: false }))
            {
                // The effort to find a successor goes on until an append is acknowledged; when it succeeds the appender hears of the new chain.
                Observe(waiting);
                _closed.Token.ThrowIfCancellationRequested();
                _resendAfter = _resendAfter * 2 < s_slowestResend ? _resendAfter * 2 : s_slowestResend;
                appender.Open(segment, loglets.Open(segment.Loglet), log.Chains.Newest);
                return null;
            }

            await waiting.ConfigureAwait(false);
            if (appender.Parked() is { Count: > 0 } parked)
            {
                await AppendScan.ResolveAsync(log, segment, appender.Client.ClientId, parked, options.ReadBytes, _closed.Token).ConfigureAwait(false);
                appender.Settle();
            }

            chain = log.Chains.Newest!;
        }

        var loglet = loglets.Open(chain.Active.Loglet);

        // The segment is younger than the last acknowledgement from the former one, and than the last chain without it: if that was just now, a scan from its beginning is short.
        var isOpen = appender.SinceAcknowledged < s_young || log.Chains.NewestAge < s_young;
        try
        {
            isOpen = isOpen || await LearnTailAsync(loglet).ConfigureAwait(false);
        }
        finally
        {
            if (!isOpen) await loglet.DisposeAsync().ConfigureAwait(false);
        }

        if (!isOpen) return chain.Active;

        _resendAfter = s_firstResend;
        appender.Open(chain.Active, loglet, log.Chains.Newest);

        // For the end of this segment.
        _ = ColdCode.CompiledAsync();
        return null;
    }

    /// <summary>
    /// Asks for the tail before the first append, so that resolving never has to scan a long segment from its beginning. Only a help: without an answer in time the scan just starts lower. False: sealed.
    /// </summary>
    private async ValueTask<bool> LearnTailAsync(ILoglet loglet)
    {
        using var timeout = new CancellationTokenSource(s_tailTimeout, options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _closed.Token);
        try
        {
            return !(await loglet.CheckTailAsync(both.Token).ConfigureAwait(false)).IsSealed;
        }
        catch (LogletException e)
        {
            return e.Code != StatusCode.Deleted;
        }
        catch (OperationCanceledException) when (!_closed.IsCancellationRequested)
        {
            return true;
        }
    }

    /// <summary>A wait that nobody awaits any more may end with an exception; it was logged where it arose.</summary>
    private static void Observe(Task task) =>
        task.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
