using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>
/// A Loglet made of others, round robin (DESIGN §3, StripedLoglet; the paper's §4.2): positions go to the stripes in turn, and an append is acknowledged once every lower position on every stripe is filled; an idle stripe is
/// filled with gap records by whoever waits for it. Sealed as a whole: all stripes first, then the tail.
/// </summary>
/// <remarks>
/// What was appended between two flushes is dealt out in pieces, one to each stripe (<see cref="StripeChoice"/>). A resend goes to where the first copy went, whose sequencer recognises it. Appends that a client has under
/// way at the same time may get positions in another order than it made them.
/// </remarks>
public sealed class StripedLoglet : ILoglet
{
    private static readonly TimeSpan s_fillRetry = TimeSpan.FromMilliseconds(20);
    private readonly ILoglet[] _stripes;
    private readonly StripeMath _math;
    private readonly StripeWindow<AppendOp> _window;
    private readonly StripedReader _reader;
    private readonly AppendCompletions _completions;
    private readonly Stack<StripedAppend> _pool = new();
    private readonly List<AppendOp> _queued = [];
    private readonly long[] _levels;
    private readonly int[] _shares;
    private readonly bool[] _flushes;
    private readonly Watermark _knownTail = new();
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly Task[] _fills;
    private readonly List<(StripedAppend Append, StatusCode Status, long Own)>[] _arrived;
    private readonly StripedAppend.StripeClient?[] _clients;
    private bool _disposed;

    /// <param name="config">Of the whole.</param>
    /// <param name="open">Opens a stripe.</param>
    /// <param name="time">For retries only.</param>
    /// <param name="logger">Where broken callbacks are told.</param>
    internal StripedLoglet(LogletConfig config, Func<LogletConfig, ILoglet> open, TimeProvider time, ILogger logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(config.Stripes.Count, 1);

        // An append remembers one stripe that a resend must go to, not a path of stripes.
        if (config.Stripes.Any(s => s.Kind == LogletKind.Striped)) throw new ArgumentException($"Loglet {config.Id} is striped over striped Loglets; name all stripes in one.", nameof(config));
        Config = config;
        _time = time;
        _stripes = [.. config.Stripes.Select(open)];
        _math = new StripeMath(_stripes.Length);
        _window = new StripeWindow<AppendOp>(_math);
        _reader = new StripedReader(_math, _stripes);
        _completions = new AppendCompletions(_lock, logger);
        _levels = new long[_stripes.Length];
        _shares = new int[_stripes.Length];
        _flushes = new bool[_stripes.Length];
        _arrived = [.. _stripes.Select(static _ => new List<(StripedAppend, StatusCode, long)>())];
        _clients = new StripedAppend.StripeClient?[_stripes.Length];
        _fills = new Task[_stripes.Length];
        Array.Fill(_fills, Task.CompletedTask);
        foreach (var stripe in _stripes) stripe.SequencerLost += _ => SequencerLost?.Invoke(this);
    }

    public event Action<ILoglet>? SequencerLost;

    public LogletConfig Config { get; }

    public long KnownTail => _knownTail.Value;

    public void Append(AppendOp op)
    {
        ArgumentNullException.ThrowIfNull(op);
        lock (_lock)
        {
            if (_clients[0] is null) Begin(op.Client);
            else if (!ReferenceEquals(_clients[0]!.Owner, op.Client)) throw new InvalidOperationException($"One Loglet object serves one client; {_clients[0]!.ClientId:x16} appends through this one.");
            if (_disposed) _completions.Add(op, StatusCode.Unavailable, -1);
            else _queued.Add(op);
        }
    }

    public void Flush()
    {
        Span<bool> flushes = stackalloc bool[_stripes.Length];
        lock (_lock)
        {
            SendQueued();
            _flushes.CopyTo(flushes);
            Array.Clear(_flushes);
        }

        for (var i = 0; i < flushes.Length; i++)
        {
            if (flushes[i]) _stripes[i].Flush();
        }

        _completions.Deliver();
    }

    public async ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken)
    {
        var tails = await ForAllAsync(s => s.CheckTailAsync(cancellationToken)).ConfigureAwait(false);

        // One sealed stripe ends them all: the others' tails are worth nothing before they are sealed, too.
        if (tails.Any(static t => t.IsSealed)) return await SealAsync(cancellationToken).ConfigureAwait(false);
        var tail = TailOf(tails);

        // The next append goes where the log is lowest, and leaves no gap to fill, though this client has appended nothing before.
        lock (_lock)
        {
            for (var i = 0; i < tails.Length; i++) _window.OnTail(i, tails[i].Tail);
            Acknowledge();
        }

        _completions.Deliver();
        return new TailResult(tail, false);
    }

    public async ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken)
    {
        var tails = await Task.WhenAll(_stripes.Select((s, i) => s.FillAsync(_math.OwnBelow(i, upTo), cancellationToken).AsTask())).ConfigureAwait(false);
        if (tails.Any(static t => t.IsSealed)) return new TailResult(KnownTail, true);
        var tail = TailOf(tails);
        _knownTail.Raise(tail);
        return new TailResult(tail, false);
    }

    public ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(min);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        return _reader.ReadAsync(min, max, bound, maxBytes, cancellationToken);
    }

    public async ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        position = Math.Min(position, bound);
        var points = await Task.WhenAll(_stripes.Select((s, i) => s.TrimAsync(_math.OwnBelow(i, position), _math.OwnBelow(i, bound), cancellationToken).AsTask())).ConfigureAwait(false);

        // What every stripe gave up: nothing below the lowest first position that one of them keeps.
        return Math.Min(_math.Tail(points), bound);
    }

    public async ValueTask<TailResult> SealAsync(CancellationToken cancellationToken) => new(TailOf(await ForAllAsync(s => s.SealAsync(cancellationToken)).ConfigureAwait(false)), true);

    public IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, CancellationToken cancellationToken) => _reader.SubscribeAsync(min, max, stop, cancellationToken);

    public async ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        var descriptions = await ForAllAsync(s => s.DescribeAsync(cancellationToken)).ConfigureAwait(false);
        return new LogletDescription(Config, descriptions.All(static d => d.SequencerReachable), [.. descriptions.SelectMany(static d => d.Replicas)]);
    }

    public async ValueTask DeleteAsync(CancellationToken cancellationToken) => await Task.WhenAll(_stripes.Select(s => s.DeleteAsync(cancellationToken).AsTask())).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        foreach (var stripe in _stripes) await stripe.DisposeAsync().ConfigureAwait(false);
        lock (_lock)
        {
            foreach (var op in _queued) _completions.Add(op, StatusCode.Unavailable, -1);
            _queued.Clear();
            GiveBack(StatusCode.Unavailable);
        }

        _completions.Deliver();
        await Task.WhenAll(_fills).ConfigureAwait(false);
        _closing.Dispose();
    }

    /// <summary>A stripe is done with an append. One at a time for each stripe; taken up when the stripe has told of all, so that the lock is taken once for many.</summary>
    internal void OnStripeCompleted(StripedAppend append, StatusCode status, long own) => _arrived[append.Stripe].Add((append, status, own));

    /// <summary>A stripe has told of all that it was done with.</summary>
    internal void OnStripeDelivered(int stripe)
    {
        lock (_lock)
        {
            foreach (var (append, status, own) in _arrived[stripe]) Return(append, status, own);
            _arrived[stripe].Clear();
            Acknowledge();
            Fill();
        }

        _completions.Deliver();
    }

    private void Begin(AppendClient client)
    {
        for (var i = 0; i < _clients.Length; i++) _clients[i] = new StripedAppend.StripeClient(this, client, i);
    }

    /// <summary>Under the lock.</summary>
    private void Return(StripedAppend append, StatusCode status, long own)
    {
        var (op, stripe) = (append.Append, append.Stripe);
        append.End();
        _pool.Push(append);
        _window.OnReturned(stripe);
        if (status == StatusCode.Ok && !_disposed)
        {
            _window.OnCommitted(stripe, own, op);
            return;
        }

        // One that is committed may still lie beyond the tail that a seal finds: its owner looks for it below the stop.
        _completions.Add(op, status == StatusCode.Ok ? StatusCode.Unavailable : status, own < 0 || status == StatusCode.Ok ? -1 : _math.ToStriped(stripe, own));
        if (status is StatusCode.Sealed or StatusCode.Deleted) GiveBack(status);
    }

    /// <summary>Under the lock: deals out what was appended since the last flush.</summary>
    private void SendQueued()
    {
        if (_queued.Count == 0) return;
        var unsent = 0;
        for (var i = 0; i < _queued.Count; i++)
        {
            var op = _queued[i];

            // One that was sent before goes the same way again.
            if (op.Route.Loglet == Config.Id && op.Route.Sequence == op.Sequence) Send(op, op.Route.Stripe);
            else _queued[unsent++] = op;
        }

        if (unsent > 0)
        {
            // Not by the stripes' known tails: they may count appends whose return has not come here yet, as the window does.
            for (var i = 0; i < _levels.Length; i++) _levels[i] = _window.Level(i);
            StripeChoice.Deal(_math, _levels, unsent, _shares);
            for (int i = 0, next = 0; i < _shares.Length; i++)
            {
                for (var end = next + _shares[i]; next < end; next++) Send(_queued[next], i);
            }
        }

        _queued.Clear();
    }

    private void Send(AppendOp op, int stripe)
    {
        op.Route = new StripeRoute(Config.Id, op.Sequence, stripe);
        if (!_pool.TryPop(out var append)) append = new StripedAppend(this);
        append.Begin(op, _clients[stripe]!, stripe);
        _window.OnSent(stripe);
        _stripes[stripe].Append(append);
        _flushes[stripe] = true;
    }

    /// <summary>Under the lock.</summary>
    private void Acknowledge()
    {
        for (var i = 0; i < _stripes.Length; i++)
        {
            while (_window.TryTake(i, out var op, out var position)) _completions.Add(op, StatusCode.Ok, position);
        }

        _knownTail.Raise(_window.Tail);
    }

    /// <summary>Under the lock: what is committed on its stripe and waits for others will not be acknowledged; it is told where it is.</summary>
    private void GiveBack(StatusCode status)
    {
        while (_window.TryGiveBack(out var op, out var position)) _completions.Add(op, status, status == StatusCode.Unavailable ? -1 : position);
    }

    /// <summary>Under the lock: asks for every stripe that holds up what waits, one request at a time for each.</summary>
    private void Fill()
    {
        if (_disposed || _window.Waiting == 0) return;
        for (var i = 0; i < _stripes.Length; i++)
        {
            if (_window.FillOf(i) > 0 && _fills[i].IsCompleted) _fills[i] = FillAsync(i, _closing.Token);
        }
    }

    /// <summary>Until the stripe holds up nothing more. It ends itself by the stripe's seal or loss, of which the owner hears by that stripe's appends, or by the others' when it has none.</summary>
    private async Task FillAsync(int stripe, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var isLost = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            long upTo;
            lock (_lock)
            {
                upTo = _window.FillOf(stripe);
                if (upTo == 0)
                {
                    _fills[stripe] = Task.CompletedTask;
                    return;
                }
            }

            try
            {
                var tail = await _stripes[stripe].FillAsync(upTo, cancellationToken).ConfigureAwait(false);
                isLost = false;
                lock (_lock)
                {
                    if (tail.IsSealed) GiveBack(StatusCode.Sealed);
                    else _window.OnTail(stripe, tail.Tail);
                    Acknowledge();
                }

                _completions.Deliver();
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (LogletException e) when (e.Code == StatusCode.Deleted)
            {
                lock (_lock) GiveBack(StatusCode.Deleted);
                _completions.Deliver();
            }
            catch (LogletException)
            {
                // The stripe's sequencer is lost, unless it was just the connection: what waits cannot be acknowledged, and its owner has to look for a successor, for nobody else may
                // have an append under way there.
                if (!isLost) SequencerLost?.Invoke(this);
                else GiveBackUnknown();
                isLost = true;
                await Task.Delay(s_fillRetry, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void GiveBackUnknown()
    {
        lock (_lock) GiveBack(StatusCode.Unavailable);
        _completions.Deliver();
    }

    private long TailOf(TailResult[] tails) => _math.Tail([.. tails.Select(static t => t.Tail)]);

    private async Task<T[]> ForAllAsync<T>(Func<ILoglet, ValueTask<T>> ask) => await Task.WhenAll(_stripes.Select(s => ask(s).AsTask())).ConfigureAwait(false);
}
