using System.Diagnostics;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Reconfiguration;

/// <summary>
/// Creates logs and replaces their active segment: prepare a candidate → seal → tail, repaired onto a majority → conditional write → read back what won (DESIGN §3, reconfiguration; model reconfigure.pml).
/// Used by clients, operators and the daemons' segment monitor alike; any number of them may race. Thread-safe.
/// </summary>
public sealed class Reconfigurer : IAsyncDisposable
{
    private readonly ChainStore _chains;
    private readonly ILogletFactory _loglets;
    private readonly IPlacement _placement;
    private readonly ILogletOpener _opener;
    private readonly ReconfigurerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CandidateCleaner _cleaner;
    private readonly ChainWriter _writer;
    private readonly SegmentRetirer _retirer;
    private readonly SegmentReplacer _replacer;

    public Reconfigurer(
        ChainStore chains, ILogletFactory loglets, IPlacement placement, ILogletOpener opener, ISegmentCopier copier, ReconfigurerOptions options, TimeProvider time, ILogger logger)
    {
        _chains = chains;
        _loglets = loglets;
        _placement = placement;
        _opener = opener;
        _options = options;
        _time = time;
        _logger = logger;
        _cleaner = new CandidateCleaner(loglets, logger);
        _writer = new ChainWriter(chains, options, time, logger);
        _retirer = new SegmentRetirer(_writer, loglets, options, time, logger);
        _replacer = new SegmentReplacer(_writer, loglets, placement, copier, _retirer, _cleaner, time);
    }

    /// <summary>A chain that this object installed, with the log's name; on any thread, not to block.</summary>
    public event Action<string, Chain>? ChainInstalled;

    /// <summary>The first chain of a log, or the chain that it has already.</summary>
    public async ValueTask<(Chain Chain, bool Created)> CreateAsync(string log, LogPolicy policy, CancellationToken cancellationToken = default)
    {
        if (await _chains.ReadAsync(log, cancellationToken).ConfigureAwait(false) is { } existing) return (existing, false);
        var candidate = await PrepareAsync(policy, PlacementHint.None, cancellationToken).ConfigureAwait(false);
        var installId = Guid.NewGuid();
        var first = ChainEdits.Create(policy, candidate, installId, Edit("create"));
        var outcome = await WriteCandidateAsync(log, first, installId, candidate, cancellationToken).ConfigureAwait(false);
        if (!outcome.Won) _cleaner.Delete(candidate);
        return (outcome.Chain, outcome.Won);
    }

    /// <summary>
    /// reconfigExtend. Conditional on the segment, and on the version if the request names one: who comes late gets the chain of the one who was first, and seals nothing else.
    /// </summary>
    /// <exception cref="DelosException">NotFound: no such log. Unavailable: no majority of the MetaStore, of the old segment's LogServers, or no place for a new one. LimitExceeded: the chain has no room for another segment.</exception>
    public async ValueTask<ExtendResult> ExtendAsync(string log, ExtendRequest request, CancellationToken cancellationToken = default)
    {
        using var activity = Telemetry.Source.StartActivity("reconfigExtend");
        activity?.SetTag("delos.log", log);
        var begun = _time.GetTimestamp();
        var chain = await _writer.ReadAsync(log, cancellationToken).ConfigureAwait(false);
        if (!IsExpected(chain, request)) return new ExtendResult(chain, false, default);
        if (request.IsStillDown is { } isStillDown && !await isStillDown(_time.GetElapsedTime(begun), cancellationToken).ConfigureAwait(false)) return new ExtendResult(chain, false, default);

        // Before anything is sealed: nobody could install a successor.
        if (!ChainEdits.HasRoom(chain, request.Policy ?? chain.Policy))
        {
            throw new DelosException(DelosErrorCode.LimitExceeded, $"The chain of log '{log}' has {chain.Segments.Count} segments, and no more are possible: truncate the log, or trim it and truncate it to there.");
        }

        var old = _loglets.Open(chain.Active.Loglet);
        SealedForCandidate ready;
        await using (old.ConfigureAwait(false))
        {
            try
            {
                ready = request.IsDown
                    ? await PrepareWhileSealingAsync(chain, request, old, begun, cancellationToken).ConfigureAwait(false)
                    : await PrepareThenSealAsync(chain, request, old, cancellationToken).ConfigureAwait(false);
            }
            catch (DelosException e) when (e.InnerException is LogletException { Code: StatusCode.Deleted })
            {
                // Somebody was faster, and nothing had been appended to it.
                chain = await _writer.ReadAsync(log, cancellationToken).ConfigureAwait(false);
                if (IsExpected(chain, request)) throw;
                _logger.ExtensionLost(log, chain.Version);
                return new ExtendResult(chain, false, default);
            }
        }

        var sealedAt = _time.GetTimestamp();
        var installId = Guid.NewGuid();
        var before = chain.Active;
        while (true)
        {
            var next = ChainEdits.Extend(chain, chain.Active.Start + ready.Tail, ready.Candidate, installId, Edit(request.Reason), request.Policy);
            var outcome = await WriteCandidateAsync(log, next, installId, ready.Candidate, cancellationToken).ConfigureAwait(false);
            chain = outcome.Chain;
            var durations = new ReconfigDurations(
                _time.GetElapsedTime(begun, ready.PreparedAt), _time.GetElapsedTime(ready.PreparedAt, sealedAt), _time.GetElapsedTime(sealedAt));
            if (outcome.Won)
            {
                // Nothing was appended to it, and no chain names it any more.
                if (next.FindByInstallId(before.InstallId) is null) _cleaner.Delete(before.Loglet);
                _logger.SegmentInstalled(log, chain.Version, next.Active.Start, ready.Candidate.Id, string.Join(",", ready.Candidate.SequencerNodes), request.Reason, durations.Pause.TotalMilliseconds);
                ChainInstalled?.Invoke(log, chain);
                Metrics.Reconfigurations.Add(1);
                Metrics.ReconfigurationPause.Record(durations.Pause.TotalSeconds);
                return new ExtendResult(chain, true, durations);
            }

            // Somebody truncated or modified another segment meanwhile: ours is still the one to replace, and its tail stays good. That version is decided without the candidate, which may be proposed again.
            if (IsExpected(chain, request)) continue;
            _cleaner.Delete(ready.Candidate);
            _logger.ExtensionLost(log, chain.Version);
            return new ExtendResult(chain, false, durations);
        }
    }

    /// <summary>Seals the active segment and leaves it so. The log goes on once somebody extends the chain.</summary>
    public async ValueTask<SealResult> SealAsync(string log, CancellationToken cancellationToken = default)
    {
        var chain = await _writer.ReadAsync(log, cancellationToken).ConfigureAwait(false);
        var loglet = _loglets.Open(chain.Active.Loglet);
        await using (loglet.ConfigureAwait(false))
        {
            return new SealResult(chain, chain.Active.Start + await SealAsync(loglet, cancellationToken).ConfigureAwait(false));
        }
    }

    /// <inheritdoc cref="DelosAdmin.ReconfigTruncateAsync"/>
    public ValueTask<ReconfigResult> TruncateAsync(string log, long position, string reason, CancellationToken cancellationToken = default) =>
        _retirer.TruncateAsync(log, position, Edit(reason), cancellationToken);

    /// <inheritdoc cref="DelosAdmin.ReconfigModifyAsync"/>
    public ValueTask<ReconfigResult> ModifyAsync(string log, Protocol.Identity.LogletId segment, ReconfigModifyOptions modify, CancellationToken cancellationToken = default) =>
        _replacer.ModifyAsync(log, segment, modify, Edit(modify.Reason), cancellationToken);

    /// <summary>Ends the clean-up that runs in the background.</summary>
    public ValueTask DisposeAsync() => _cleaner.DisposeAsync();

    private static bool IsExpected(Chain chain, ExtendRequest request) =>
        chain.Active.Loglet.Id == request.ExpectedSegment && (request.ExpectedVersion is not { } version || version == chain.Version);

    private ChainEdit Edit(string reason) =>
        new(0, default, _options.By, _time.GetUtcNow().ToUnixTimeMilliseconds(), reason.Length <= 200 ? reason : reason[..200]);

    /// <summary>Writes a chain that names a candidate. If that certainly was not written, the candidate goes; if it may have been, it stays (mutant DELETE_ON_TIMEOUT).</summary>
    private async ValueTask<ChainWriteOutcome> WriteCandidateAsync(string log, Chain next, Guid installId, LogletConfig candidate, CancellationToken cancellationToken)
    {
        try
        {
            return await _writer.WriteAsync(log, next, c => c.HasInstalled(installId), cancellationToken).ConfigureAwait(false);
        }
        catch (MetaStoreUnavailableException e)
        {
            if (!e.OutcomeUnknown) _cleaner.Delete(candidate);
            throw new DelosException(DelosErrorCode.Unavailable, e.Message, e);
        }
    }

    /// <summary>The tail as this observer computes it: any such value may become the stop, and the one that is installed counts.</summary>
    private static async ValueTask<long> SealAsync(ILoglet loglet, CancellationToken cancellationToken)
    {
        try
        {
            var result = await loglet.SealAsync(cancellationToken).ConfigureAwait(false);
            Debug.Assert(result.IsSealed);
            return result.Tail;
        }
        catch (LogletException e)
        {
            throw new DelosException(DelosErrorCode.Unavailable, $"Loglet {loglet.Config.Id} could not be sealed: {e.Message}", e);
        }
    }

    /// <summary>While the candidate is prepared appends go on.</summary>
    private async ValueTask<SealedForCandidate> PrepareThenSealAsync(Chain chain, ExtendRequest request, ILoglet old, CancellationToken cancellationToken)
    {
        var candidate = await PrepareAsync(chain, request, old, cancellationToken).ConfigureAwait(false);
        var prepared = _time.GetTimestamp();
        try
        {
            return new SealedForCandidate(candidate, await SealAsync(old, cancellationToken).ConfigureAwait(false), prepared);
        }
        catch
        {
            _cleaner.Delete(candidate);
            throw;
        }
    }

    /// <summary>Nothing is appended anyhow: what a crash in between would leave, sealed without successor, is no worse than what there is.</summary>
    private async ValueTask<SealedForCandidate> PrepareWhileSealingAsync(
        Chain chain, ExtendRequest request, ILoglet old, long begun, CancellationToken cancellationToken)
    {
        var sealing = SealAsync(old, cancellationToken).AsTask();
        var preparing = PrepareAsync(request, Hint(chain, request), chain.Policy, cancellationToken).AsTask();
        await Task.WhenAll(preparing, sealing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!sealing.IsCompletedSuccessfully && preparing.IsCompletedSuccessfully) _cleaner.Delete(await preparing.ConfigureAwait(false));
        var tail = await sealing.ConfigureAwait(false);
        return new SealedForCandidate(await preparing.ConfigureAwait(false), tail, begun);
    }

    /// <summary>
    /// The candidate. Meanwhile the replicas of the old Loglet are asked for their state, only so that the connections to them stand when they are to be sealed, and what runs then is compiled: from then on every millisecond is one in
    /// which nothing can be appended.
    /// </summary>
    private async ValueTask<LogletConfig> PrepareAsync(Chain chain, ExtendRequest request, ILoglet old, CancellationToken cancellationToken)
    {
        using var prepared = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var warmUp = old.DescribeAsync(prepared.Token).AsTask();
        var compiled = ColdCode.CompiledAsync();
        try
        {
            var candidate = await PrepareAsync(request, Hint(chain, request), chain.Policy, cancellationToken).ConfigureAwait(false);
            await compiled.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return candidate;
        }
        finally
        {
            await prepared.CancelAsync().ConfigureAwait(false);
            await ((Task)warmUp).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private ValueTask<LogletConfig> PrepareAsync(ExtendRequest request, PlacementHint hint, LogPolicy policy, CancellationToken cancellationToken) =>
        request.Next is { } given ? OpenGivenAsync(given, cancellationToken) : PrepareAsync(request.Policy ?? policy, hint, cancellationToken);

    private static PlacementHint Hint(Chain chain, ExtendRequest request) => request.Hint.Former is null ? request.Hint with { Former = chain.Active.Loglet } : request.Hint;

    /// <summary>A placed Loglet that its sequencer serves. Nobody appends to it before it is installed (mutant EARLY_APPEND).</summary>
    private async ValueTask<LogletConfig> PrepareAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var candidate = await _placement.PlaceAsync(policy, hint, cancellationToken).ConfigureAwait(false);
            var opened = await OpenAsync(candidate, cancellationToken).ConfigureAwait(false);
            if (opened.Status == StatusCode.Ok) return candidate;
            _cleaner.Delete(candidate);
            _logger.CandidateNotOpened(candidate.Id, opened.Node, opened.Status);
            if (attempt >= _options.MaxCandidates) throw NotOpened(candidate, opened);
            hint = hint with { Avoid = [.. hint.Avoid, opened.Node] };
        }
    }

    private async ValueTask<LogletConfig> OpenGivenAsync(LogletConfig candidate, CancellationToken cancellationToken)
    {
        var opened = await OpenAsync(candidate, cancellationToken).ConfigureAwait(false);
        return opened.Status == StatusCode.Ok ? candidate : throw NotOpened(candidate, opened);
    }

    private async ValueTask<OpenResult> OpenAsync(LogletConfig candidate, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.OpenTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var opened = await _opener.OpenAsync(candidate, both.Token).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return opened;
    }

    private static DelosException NotOpened(LogletConfig candidate, OpenResult opened) =>
        new(DelosErrorCode.Unavailable, $"Node {opened.Node} did not open Loglet {candidate.Id}: {opened.Status}.", node: opened.Node);

    /// <summary>All that the conditional write needs.</summary>
    /// <param name="Candidate">The next segment's Loglet, open.</param>
    /// <param name="Tail">Of the old one, sealed.</param>
    /// <param name="PreparedAt">Timestamp: from then on nothing could be appended.</param>
    private readonly record struct SealedForCandidate(LogletConfig Candidate, long Tail, long PreparedAt);
}
