using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>
/// The client's end of a NativeLoglet: appends and the fast checkTail go to the sequencer (<see cref="SequencerLink"/>), everything else to the LogServers:
/// reads (<see cref="ReplicaReader"/>), following (<see cref="LogletFollower"/>), the slow checkTail and seal (<see cref="TailProcedure"/>).
/// </summary>
public sealed class NativeLoglet : ILoglet
{
    private readonly ReplicaSet _replicas;
    private readonly LogletOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Watermark _knownTail = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly SequencerLink _link;
    private readonly SharedTail _tail;
    private readonly TailProcedure _procedure;
    private readonly ReplicaReader _reader;
    private readonly LogletFollower _follower;
    private bool _disposed;

    internal NativeLoglet(LogletConfig config, ReplicaSet replicas, LogletFrameRouter router, LogletOptions options, TimeProvider time, ILogger logger, int spread)
    {
        Config = config;
        _options = options;
        _time = time;
        _logger = logger;
        _replicas = replicas;
        _procedure = new TailProcedure(_replicas, options, time);
        _reader = new ReplicaReader(_replicas, options, time, spread % config.Replicas.Count);
        _follower = new LogletFollower(_replicas, _reader, router, options, time, logger);
        _tail = new SharedTail(() => FindTailAsync(_closing.Token));
        _link = new SequencerLink(_replicas, router, options, time, logger, _knownTail, FindSealAsync, ConfirmAsync, () => SequencerLost?.Invoke(this));
    }

    public event Action<ILoglet>? SequencerLost;

    public LogletConfig Config { get; }

    public long KnownTail => _knownTail.Value;

    public void Append(AppendOp op)
    {
        ArgumentNullException.ThrowIfNull(op);
        _link.Append(op);
    }

    public void Flush() => _link.Flush();

    public async ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return await _tail.JoinAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (true)
        {
            var reply = await AskSequencerAsync(new Fill(Config.Id, Config.Incarnation, upTo), cancellationToken).ConfigureAwait(false);
            switch (reply?.Status)
            {
                case StatusCode.Ok:
                    _knownTail.Raise(reply.Value.Tail);
                    return new TailResult(reply.Value.Tail, false);
                case StatusCode.Sealed:
                    return new TailResult(reply.Value.Tail, true);
                case StatusCode.Unavailable or StatusCode.DiskFull:
                    // It lives, and waits for its LogServers, as a successor over the same ones would. If it does not reach them at all it ends the Loglet itself.
                    await Task.Delay(_options.MaxRetryDelay, _time, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    throw new LogletException(Config.Id, reply?.Status ?? StatusCode.Unavailable, $"The sequencer on node {Config.SequencerNode} did not fill Loglet {Config.Id} up to {upTo}.");
            }
        }
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

        // Past the bound nothing is known to be committed, and past a stop nothing exists (trap 18).
        position = Math.Min(position, bound);
        var answers = await _replicas.AskAllAsync<Trim, TrimReply>(new Trim(Config.Id, position, bound), waitForAll: false, cancellationToken).ConfigureAwait(false);
        if (answers.Any(static a => a.Reply?.Status == StatusCode.Deleted)) throw new LogletException(Config.Id, StatusCode.Deleted, $"Loglet {Config.Id} was deleted.");
        var points = answers.Where(static a => a.Reply?.Status == StatusCode.Ok).Select(static a => a.Reply!.Value.TrimPoint).OrderDescending().ToArray();
        if (points.Length < Config.Quorum) throw NoMajority("trim", answers.Select(static a => a.Error?.Message ?? a.Reply?.Status.ToString()));
        return points[Config.Quorum - 1];
    }

    public async ValueTask<TailResult> SealAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        return await _procedure.RunAsync(seal: true, either.Token).ConfigureAwait(false);
    }

    public IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, CancellationToken cancellationToken) => _follower.FollowAsync(min, max, stop, cancellationToken);

    public async ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        var sequencer = IsSequencerThereAsync(cancellationToken);
        var answers = await _replicas.AskAllAsync<Status, StatusReply>(new Status(Config.Id), waitForAll: true, cancellationToken).ConfigureAwait(false);
        var replicas = new ReplicaDescription[answers.Length];
        for (var i = 0; i < answers.Length; i++)
        {
            var (reply, error) = answers[i];
            replicas[i] = reply is { } r
                ? new ReplicaDescription(Config.Replicas[i], r.Status, r.IsSealed, r.DurableTail, r.GlobalTail, r.TrimPoint, r.HasUnknown, null)
                : new ReplicaDescription(Config.Replicas[i], StatusCode.Unavailable, false, 0, 0, 0, false, error?.Message ?? "no answer");
        }

        return new LogletDescription(Config, await sequencer.ConfigureAwait(false), replicas);
    }

    public async ValueTask DeleteAsync(CancellationToken cancellationToken)
    {
        var answers = await _replicas.AskAllAsync<DeleteLoglet, DeleteLogletReply>(new DeleteLoglet(Config.Id), waitForAll: true, cancellationToken).ConfigureAwait(false);
        if (answers.Count(static a => a.Reply?.Status is StatusCode.Ok or StatusCode.Deleted) >= Config.Quorum) return;
        throw NoMajority("delete", answers.Select(static a => a.Error?.Message ?? a.Reply?.Status.ToString()));
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        await _tail.Idle.ConfigureAwait(false);
    }

    /// <summary>Fast through the sequencer; if that cannot say, from the replicas.</summary>
    private async Task<TailResult> FindTailAsync(CancellationToken cancellationToken)
    {
        if (await AskTailAsync(cancellationToken).ConfigureAwait(false) is not { } tail)
        {
            var found = await _procedure.RunAsync(seal: false, cancellationToken).ConfigureAwait(false);
            if (found.IsSealed) return found;
            tail = found.Tail;
        }

        _knownTail.Raise(tail);
        return new TailResult(tail, false);
    }

    /// <summary>Sealed and everything else is settled by the replicas: they know the tail, and a half seal is finished there.</summary>
    private async Task<long?> AskTailAsync(CancellationToken cancellationToken) =>
        await AskSequencerAsync(new CheckTail(Config.Id, Config.Incarnation), cancellationToken).ConfigureAwait(false) is { Status: StatusCode.Ok, Tail: var tail } ? tail : null;

    /// <summary>Null: no answer.</summary>
    private async Task<CheckTailReply?> AskSequencerAsync<T>(T request, CancellationToken cancellationToken)
        where T : struct, IMessage<T>
    {
        using var limit = new TimeLimit(_options.FastTailTimeout, _time, cancellationToken);
        try
        {
            var connection = await _replicas.ConnectSequencerAsync(limit.Token).ConfigureAwait(false);
            using var response = await connection.RequestAsync(request, limit.Token).ConfigureAwait(false);
            return ReplicaSet.Read<CheckTailReply>(response);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            _logger.FastTailFailed(Config.Id, Config.SequencerNode, exception.Message);
            return null;
        }
    }

    private async Task<bool> ConfirmAsync(CancellationToken cancellationToken) => await AskTailAsync(cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>Appends stay unanswered: is any replica sealed? Then the seal is finished. An open Loglet is left alone, however slow.</summary>
    private async Task<bool> FindSealAsync(CancellationToken cancellationToken)
    {
        var answers = await _replicas.AskAllAsync<Status, StatusReply>(new Status(Config.Id), waitForAll: false, cancellationToken).ConfigureAwait(false);
        if (!answers.Any(static a => a.Reply is { } r && (r.Status == StatusCode.Deleted || (r.Status == StatusCode.Ok && r.IsSealed)))) return false;
        await _procedure.RunAsync(seal: true, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> IsSequencerThereAsync(CancellationToken cancellationToken)
    {
        using var limit = new TimeLimit(_options.RequestTimeout, _time, cancellationToken);
        try
        {
            await _replicas.ConnectSequencerAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private LogletException NoMajority(string what, IEnumerable<string?> said) =>
        new(Config.Id, StatusCode.Unavailable, $"No majority of the replicas of Loglet {Config.Id} did the {what}: {string.Join("; ", said.Zip(Config.Replicas, static (s, r) => $"node {r.NodeId}: {s}"))}");
}
