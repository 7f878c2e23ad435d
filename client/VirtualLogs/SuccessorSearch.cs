using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// One effort to get past a segment that takes no more appends: looks for a chain in which it is not active any more, and if none comes for a while extends the chain itself, with a fresh Loglet (traps 12, 13).
/// It goes on looking while it extends: somebody else may be faster. Does not give up before it is cancelled.
/// </summary>
internal sealed class SuccessorSearch(ChainView view, Segment segment, string cause, Reconfigurer reconfigurer, DelosClientOptions options, ILogger logger, CancellationToken cancellationToken)
{
    private readonly TaskCompletionSource _offered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _begun = options.TimeProvider.GetTimestamp();
    private string? _problem;
    private TimeSpan _told;
    private int _attempts;
    private volatile bool _isSealed;
    private volatile bool _isWithdrawn;

    /// <summary>The own extension, never faulted; it may outlive the search, and then loses and cleans up after itself.</summary>
    public Task Rolling { get; private set; } = Task.CompletedTask;

    /// <summary>Somebody who waits was told that the segment is sealed: there is no way back, it needs a successor.</summary>
    public void NoteSealed() => _isSealed = true;

    /// <summary>The segment takes appends after all; unless it is known to be sealed nobody needs a successor.</summary>
    public void Withdraw() => _isWithdrawn = true;

    /// <summary>False: the search was withdrawn.</summary>
    public async Task<bool> RunAsync()
    {
        logger.SuccessorAwaited(view.Log, segment.Loglet.Id, cause);
        view.Changed += OnChanged;
        try
        {
            // A planned reconfiguration takes some milliseconds: look often at first, then less often. Of a segment that is merely silent nobody has thought yet.
            var pause = TimeSpan.FromMilliseconds(1);
            var rollForwardAt = RollForwardDelay();
            while (true)
            {
                await LookAsync().ConfigureAwait(false);
                if (IsFound) return true;
                if (IsOver) return false;
                var elapsed = options.TimeProvider.GetElapsedTime(_begun);
                if (elapsed >= rollForwardAt && Rolling.IsCompleted)
                {
                    Rolling = RollForwardAsync();
                    rollForwardAt = elapsed + RollForwardDelay();
                }

                Tell(elapsed);
                await Task.WhenAny(_offered.Task, Task.Delay(pause, options.TimeProvider, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                if (IsFound) return true;
                if (IsOver) return false;
                pause = TimeSpan.FromMilliseconds(Math.Min(pause.TotalMilliseconds * 2, _isSealed && elapsed < TimeSpan.FromMilliseconds(60) ? 3 : 20));
            }
        }
        finally
        {
            view.Changed -= OnChanged;
        }
    }

    private bool IsOver => _isWithdrawn && !_isSealed;

    private bool IsFound => view.Newest is { } chain && !ChainView.IsActive(chain, segment);

    private void OnChanged(Chain chain)
    {
        if (!ChainView.IsActive(chain, segment)) _offered.TrySetResult();
    }

    private async ValueTask LookAsync()
    {
        try
        {
            await view.RefreshAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            _problem = e.Message;
        }
    }

    private async Task RollForwardAsync()
    {
        try
        {
            var request = new ExtendRequest(segment.Loglet.Id) { IsDown = true, IsStillDown = (_, _) => ValueTask.FromResult(!IsOver), Reason = $"rolled forward by a client: {cause}", Hint = new PlacementHint { Former = segment.Loglet } };
            view.Offer((await reconfigurer.ExtendAsync(view.Log, request, cancellationToken).ConfigureAwait(false)).Chain);
        }
        catch (Exception e)
        {
            _problem = e.Message;
        }
    }

    /// <summary>Once a second at most.</summary>
    private void Tell(TimeSpan elapsed)
    {
        if (_problem is not { } problem || elapsed - _told < TimeSpan.FromSeconds(1)) return;
        _told = elapsed;
        _problem = null;
        logger.NoSuccessorYet(view.Log, segment.Loglet.Id, problem);
    }

    /// <summary>Doubles up to eightfold: an attempt that takes longer than this on a busy machine must not be joined by one after the other of every client.</summary>
    private TimeSpan RollForwardDelay() => (options.RollForwardAfter + options.RollForwardJitter * Random.Shared.NextDouble()) * (1 << Math.Min(_attempts++, 3));
}
