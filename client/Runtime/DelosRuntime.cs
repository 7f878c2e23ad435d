using Delos.Client;
using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>
/// One replica of a state machine over a log: proposes commands, applies what all replicas proposed in the log's order, and reads. Any number of replicas may live and die, in any number of processes; they meet in the log only.
/// Thread-safe.
/// </summary>
public sealed class DelosRuntime : IAsyncDisposable
{
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(5);

    private readonly DelosLog _log;
    private readonly RuntimeOptions _options;
    private readonly Proposer _proposer;
    private readonly StoreHolder _holder = new();
    private readonly CursorWaiters _waiters = new();
    private readonly ReplicaCondition _condition;
    private readonly ReplicaLoop _loop;
    private readonly ReplicaUpkeep _upkeep;
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;
    private (long At, int Generation) _confirmed;
    private int _disposed;

    private DelosRuntime(DelosLog log, IStateMachine machine, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options)
    {
        _log = log;
        _options = options;
        var logger = options.LoggerFactory.CreateLogger("Delos.Runtime");
        _proposer = new Proposer(log, options);
        _condition = new ReplicaCondition(log.Name, options.Name, _proposer, _waiters, logger);
        var core = new RuntimeCore(machine, options.ReplicaId, options.Features);
        var applier = new ReplicaApplier(log, machine, core, _proposer, _holder, _condition);
        _proposer.Acknowledged = applier.OnAppended;
        _loop = new ReplicaLoop(log, stores, snapshots, options, core, _proposer, _holder, applier, _condition, logger);
        _upkeep = new ReplicaUpkeep(log, snapshots, options, _proposer, _holder, applier, _condition, logger);
    }

    /// <summary>Starts a replica. It opens its store, restores a snapshot if it needs one, and goes on from its cursor by itself; <see cref="Status"/> tells how far it is.</summary>
    /// <param name="log">A handle for this replica alone; not disposed with it.</param>
    /// <param name="machine">The application.</param>
    /// <param name="stores">The replica's own store.</param>
    /// <param name="snapshots">Where replicas leave snapshots for each other.</param>
    /// <param name="options">Its settings.</param>
    public static DelosRuntime Start(DelosLog log, IStateMachine machine, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(options);
        var runtime = new DelosRuntime(log, machine, stores, snapshots, options.Validate());
        runtime._running = Task.WhenAll(runtime._loop.RunAsync(runtime._closed.Token), runtime._upkeep.RunAsync(runtime._closed.Token));
        return runtime;
    }

    public RuntimeStatus Status
    {
        get
        {
            var (state, problem, cursor) = _condition.Now;
            return new RuntimeStatus(state, cursor.Next, _upkeep.DurableCursor, _upkeep.NewestSnapshot, cursor.TrimPoint, cursor.Checksum, cursor.Commands, problem.Length > 0 ? problem : _upkeep.Problem);
        }
    }

    /// <summary>Completes when <see cref="Status"/> has another state or problem than when this was asked for.</summary>
    public Task Changed => _condition.Changed;

    /// <summary>Bytes that a command of a session may have, so that it fits into an entry.</summary>
    public int MaxCommandBytes => _options.MaxBatchBytes - ProposalBatch.HeaderSize - Proposal.Overhead;

    /// <summary>The features that all replicas have committed to.</summary>
    public FeatureGates Gates => _condition.Gates;

    /// <summary>Waits until this replica takes proposals: its store is open, and a snapshot restored if it needed one.</summary>
    /// <exception cref="DelosException">Unavailable: it failed, or has diverged; the message says what to do. Closed.</exception>
    public async ValueTask ReadyAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var changed = _condition.Changed;
            var (state, problem, _) = _condition.Now;
            if (state == RuntimeState.Applying) return;
            if (state is RuntimeState.Failed or RuntimeState.Diverged or RuntimeState.Closed) throw new DelosException(state == RuntimeState.Closed ? DelosErrorCode.Closed : DelosErrorCode.Unavailable, problem);
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Puts a command into the log and waits until this replica has applied it. Commands proposed at the same time get any order; who needs one waits for the answer before.</summary>
    /// <param name="command">Must not change before the call is answered.</param>
    /// <param name="cancellationToken">Ends the wait, not the command: it may be applied.</param>
    /// <exception cref="DelosException">LimitExceeded, Unavailable: not applied, and never will be. OutcomeUnknown: it may be, also later; with a session it may be proposed again.</exception>
    public Task<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken = default) =>
        ProposeAsync(new Proposal(ProposalKind.Command, 0, 0, 0, command), cancellationToken);

    /// <summary>As the other one, but exactly once, however often and through whatever replicas it is proposed with the same session and number.</summary>
    /// <param name="session">The session's id.</param>
    /// <param name="sequence">The command's number.</param>
    /// <param name="floor">The lowest number that the session's owner still waits for, at most <paramref name="sequence"/>.</param>
    /// <param name="command">See there.</param>
    /// <param name="cancellationToken">See there.</param>
    public Task<ProposalResult> ProposeAsync(ulong session, ulong sequence, ulong floor, ReadOnlyMemory<byte> command, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(session);
        ArgumentOutOfRangeException.ThrowIfZero(floor);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(floor, sequence);
        return ProposeAsync(new Proposal(ProposalKind.Command, session, sequence, floor, command), cancellationToken);
    }

    /// <summary>
    /// As <see cref="ProposeAsync(ulong, ulong, ulong, ReadOnlyMemory{byte}, CancellationToken)"/>, without a task, and only queued: for services to which proposals come several at a time, and whose answers are sent together after each
    /// commit. Whoever has queued some calls <see cref="FlushProposals"/>; until then they may wait.
    /// </summary>
    /// <param name="session">The session's id; 0: none, and the numbers do not matter.</param>
    /// <param name="sequence">See there.</param>
    /// <param name="floor">See there.</param>
    /// <param name="command">Must not change before the listener is told.</param>
    /// <param name="listener">Told the outcome; a refusal before this returns.</param>
    public void EnqueueProposal(ulong session, ulong sequence, ulong floor, ReadOnlyMemory<byte> command, IProposalListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        if (session != 0)
        {
            ArgumentOutOfRangeException.ThrowIfZero(floor);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(floor, sequence);
        }

        _proposer.Enqueue(session == 0 ? new Proposal(ProposalKind.Command, 0, 0, 0, command) : new Proposal(ProposalKind.Command, session, sequence, floor, command), listener);
    }

    /// <summary>Has what was queued put into the log, in as few entries as possible: on this thread, which waits for nothing. Listeners of what cannot be appended may be told before it returns.</summary>
    public void FlushProposals() => _proposer.Flush();

    /// <summary>Begins a session.</summary>
    /// <exception cref="DelosException">As <see cref="ProposeAsync(ReadOnlyMemory{byte}, CancellationToken)"/>; simply begin another one.</exception>
    public async ValueTask<Session> OpenSessionAsync(CancellationToken cancellationToken = default)
    {
        var result = await ProposeAsync(new Proposal(ProposalKind.OpenSession, 0, 0, 0, default), cancellationToken).ConfigureAwait(false);
        return new Session(new MessageReader(result.Payload.Span).U64());
    }

    /// <summary>Lets all replicas use a feature from some position on.</summary>
    /// <exception cref="DelosException">InvalidRequest: not all replicas know it.</exception>
    public async ValueTask RaiseGateAsync(string feature, int level, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(feature);
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        var payload = new byte[MessageWriter.SizeOf(feature) + 4];
        var writer = new MessageWriter(payload);
        writer.Text(feature);
        writer.U32((uint)level);
        var result = await ProposeAsync(new Proposal(ProposalKind.RaiseGate, 0, 0, 0, payload), cancellationToken).ConfigureAwait(false);
        if (result.Status != ProposalStatus.Applied) throw new DelosException(DelosErrorCode.InvalidRequest, System.Text.Encoding.UTF8.GetString(result.Payload.Span));
    }

    /// <summary>A view of this replica's state that is as fresh as asked for. To be disposed soon: it holds up a restore.</summary>
    /// <exception cref="DelosException">Unavailable: this replica cannot say in time, or serves nothing at present; another one may.</exception>
    public async ValueTask<IStoreSnapshot> ReadAsync(ReadLevel level, CancellationToken cancellationToken = default)
    {
        // What was waited for, the snapshot must be of: not of a store that took its place meanwhile.
        var generation = _holder.Generation;
        switch (level.Kind)
        {
            case ReadLevelKind.Stale:
                break;
            case ReadLevelKind.After:
                await CatchUpAsync(level.Position, cancellationToken).ConfigureAwait(false);
                break;
            case ReadLevelKind.Within when IsConfirmedWithin(level.Age, generation):
                break;
            default:
                var began = _options.TimeProvider.GetTimestamp();
                var caller = Environment.CurrentManagedThreadId;
                await CatchUpAsync(await _log.CheckTailAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

                // All was answered before it was waited for. The caller's thread may be a connection's, and a snapshot may have to write.
                if (Environment.CurrentManagedThreadId == caller) await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                lock (_lock)
                {
                    if (generation != _confirmed.Generation || began > _confirmed.At) _confirmed = (began, generation);
                }

                break;
        }

        var (state, problem, _) = _condition.Now;
        var serves = state == RuntimeState.Applying || (level.Kind == ReadLevelKind.Stale && state is RuntimeState.Poisoned or RuntimeState.Starting);
        if (serves && _holder.Snapshot(generation) is { } snapshot) return snapshot;
        throw new DelosException(state == RuntimeState.Closed ? DelosErrorCode.Closed : DelosErrorCode.Unavailable, problem.Length > 0 ? problem : "The replica's store is being replaced.");
    }

    /// <summary>Waits until this replica has applied everything that was answered, to anybody, before the call.</summary>
    public async ValueTask CatchUpAsync(CancellationToken cancellationToken = default) =>
        await CatchUpAsync(await _log.CheckTailAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>Makes the state durable, writes a snapshot, reports, and trims what may go, now.</summary>
    /// <exception cref="IOException">The store cannot be made durable, or the snapshot not be written.</exception>
    public Task SnapshotAsync(CancellationToken cancellationToken = default) => _upkeep.OnceAsync(forceSnapshot: true, cancellationToken);

    /// <summary>As every <see cref="RuntimeOptions.ReportEvery"/>: makes the state durable and says so, now.</summary>
    /// <exception cref="IOException">The store cannot be made durable.</exception>
    public Task ReportAsync(CancellationToken cancellationToken = default) => _upkeep.OnceAsync(forceSnapshot: false, cancellationToken);

    /// <summary>Stops applying, fails those who wait, and closes the store once the readers' snapshots are disposed, or after 5 s.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _closed.CancelAsync().ConfigureAwait(false);
        try
        {
            await _running.ConfigureAwait(false);
        }
        finally
        {
            await _proposer.DisposeAsync().ConfigureAwait(false);
            await CloseStoreAsync().ConfigureAwait(false);
            _closed.Dispose();
        }
    }

    private async Task CloseStoreAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(s_closeTimeout, _options.TimeProvider);
            await _holder.CloseAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _holder.Dispose();
        }
    }

    private Task<ProposalResult> ProposeAsync(Proposal proposal, CancellationToken cancellationToken) => _proposer.ProposeAsync(proposal, cancellationToken);

    private bool IsConfirmedWithin(TimeSpan age, int generation)
    {
        lock (_lock) return _confirmed.Generation == generation && _confirmed.At != 0 && _options.TimeProvider.GetElapsedTime(_confirmed.At) <= age;
    }

    private async Task CatchUpAsync(long next, CancellationToken cancellationToken)
    {
        var reached = _waiters.WaitAsync(next);
        try
        {
            await reached.WaitAsync(_options.ReadTimeout, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _waiters.GiveUp(next, reached);
            throw;
        }
        catch (TimeoutException e)
        {
            _waiters.GiveUp(next, reached);
            throw new DelosException(DelosErrorCode.Unavailable, $"Replica {_options.Name} of log '{_log.Name}' has applied up to {_waiters.Cursor} only, not {next}, after {_options.ReadTimeout.TotalSeconds:0.#} s.", e);
        }
    }
}
