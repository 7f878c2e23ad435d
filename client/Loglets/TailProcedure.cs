using System.Globalization;
using System.Threading.Channels;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>Carries out the requests of a <see cref="TailFinder"/> over connections.</summary>
internal sealed class TailProcedure(ReplicaSet replicas, LogletOptions options, TimeProvider time)
{
    private const uint CopyBytes = 512 << 10;

    /// <summary>Runs the five cases, or a seal, to their end; MustSealAndExtend leads to the seal at once.</summary>
    /// <exception cref="LogletException">Deleted; Unavailable: no majority in time.</exception>
    public async Task<TailResult> RunAsync(bool seal, CancellationToken cancellationToken)
    {
        var run = new Run(replicas, time);
        var deadline = run.Now + options.OperationTimeout;
        var finder = new TailFinder(replicas.Config, options, seal, run.Now);
        await run.CompleteAsync(finder, deadline, cancellationToken).ConfigureAwait(false);
        if (finder.Outcome == TailOutcome.MustSealAndExtend)
        {
            finder = new TailFinder(replicas.Config, options, seal: true, run.Now);
            await run.CompleteAsync(finder, deadline, cancellationToken).ConfigureAwait(false);
        }

        var id = replicas.Config.Id;
        return finder.Outcome switch
        {
            TailOutcome.Open => new TailResult(finder.Tail, false),
            TailOutcome.Sealed => new TailResult(finder.Tail, true),
            TailOutcome.Deleted => throw new LogletException(id, StatusCode.Deleted, $"Loglet {id} was deleted."),
            _ => throw new LogletException(id, StatusCode.Unavailable, $"Too few replicas of Loglet {id} answered within {options.OperationTimeout.TotalSeconds} s: {run.Errors()}", run.LastError),
        };
    }

    /// <summary>One caller's run: the answers come over a channel to the one loop that steps the finder.</summary>
    private sealed class Run(ReplicaSet replicas, TimeProvider time)
    {
        private readonly string?[] _errors = new string?[replicas.Count];
        private readonly long _begun = time.GetTimestamp();

        /// <summary>Since the run began, from an arbitrary origin: a wall clock that is set back must not hold up a seal, which others wait for.</summary>
        public DateTimeOffset Now => DateTimeOffset.UnixEpoch + time.GetElapsedTime(_begun);

        public Exception? LastError { get; private set; }

        public string Errors() => string.Join("; ", _errors.Select((e, i) =>
            string.Create(CultureInfo.InvariantCulture, $"node {replicas.Config.Replicas[i].NodeId}: {e ?? "no failure"}")));

        public async Task CompleteAsync(TailFinder finder, DateTimeOffset deadline, CancellationToken cancellationToken)
        {
            var answers = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
            var tasks = new List<Task>();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            try
            {
                while (finder.Outcome == TailOutcome.Pending && Now < deadline)
                {
                    tasks.RemoveAll(static t => t.IsCompletedSuccessfully);
                    while (finder.TryTakeRequest(out var request)) tasks.Add(ExecuteAsync(finder, request, answers.Writer, stop.Token));
                    if (!answers.Reader.TryPeek(out _)) await WaitAsync(answers.Reader, finder.NextTick, deadline, cancellationToken).ConfigureAwait(false);
                    while (finder.Outcome == TailOutcome.Pending && answers.Reader.TryRead(out var answer)) answer();
                    finder.OnTick(Now);
                }
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        private async Task WaitAsync(ChannelReader<Action> answers, DateTimeOffset? tick, DateTimeOffset deadline, CancellationToken cancellationToken)
        {
            var until = (tick is { } t && t < deadline ? t : deadline) - Now;
            if (until <= TimeSpan.Zero) return;
            using var timeout = new CancellationTokenSource(until, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            try
            {
                await answers.WaitToReadAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Time for the tick.
            }
        }

        private async Task ExecuteAsync(TailFinder finder, TailRequest request, ChannelWriter<Action> answers, CancellationToken cancellationToken)
        {
            try
            {
                await AskAsync(finder, request, answers, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                LastError = exception;
                _errors[request.Replica] = exception.Message;
                answers.TryWrite(() => finder.OnFailed(request, Now));
            }
        }

        private async Task AskAsync(TailFinder finder, TailRequest request, ChannelWriter<Action> answers, CancellationToken cancellationToken)
        {
            var config = replicas.Config;
            switch (request.Kind)
            {
                case TailRequestKind.Status:
                    var status = await replicas.AskAsync<Status, StatusReply>(request.Replica, new Status(config.Id), cancellationToken).ConfigureAwait(false);
                    Answered(request, answers, () => finder.OnStatus(request, status, Now));
                    break;
                case TailRequestKind.Seal:
                    var seal = await replicas.AskAsync<Seal, SealReply>(request.Replica, new Seal(config), cancellationToken).ConfigureAwait(false);
                    Answered(request, answers, () => finder.OnSealed(request, seal, Now));
                    break;
                case TailRequestKind.Jump:
                    // The bound is proven: no replica trims past the global tail, and one has trimmed up to here.
                    var trim = await replicas.AskAsync<Trim, TrimReply>(request.Replica, new Trim(config.Id, request.First, request.First), cancellationToken).ConfigureAwait(false);
                    Answered(request, answers, () => finder.OnMoved(request, trim.Status, trim.TrimPoint, Now));
                    break;
                default:
                    await CopyAsync(finder, request, answers, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }

        /// <summary>Its error first: once the answer is there the finder may ask the replica for the next thing, which may fail.</summary>
        private void Answered(TailRequest request, ChannelWriter<Action> answers, Action answer)
        {
            _errors[request.Replica] = null;
            answers.TryWrite(answer);
        }

        private async Task CopyAsync(TailFinder finder, TailRequest request, ChannelWriter<Action> answers, CancellationToken cancellationToken)
        {
            var config = replicas.Config;
            Response response;
            try
            {
                var read = new Read(config.Id, request.First, request.End, request.End, CopyBytes, ForRepair: true);
                response = await replicas.AskAsync(request.Source, read, null, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                SourceFailed(exception.Message, isDamaged: false);
                return;
            }

            using (response)
            {
                if (!response.TryRead<ReadReply>(out var reply))
                {
                    SourceFailed("answered with another message", isDamaged: false);
                    return;
                }

                switch (reply.Status)
                {
                    case StatusCode.Trimmed:
                        answers.TryWrite(() => finder.OnSourceTrimmed(request, reply.TrimPoint, Now));
                        return;
                    case StatusCode.Corrupt:
                        SourceFailed($"position {request.First} is damaged", isDamaged: true);
                        return;
                    case StatusCode.Ok when reply.Count > 0 && reply.First == request.First:
                        break;
                    default:
                        SourceFailed($"a read for repair from {request.First} was answered with {reply.Status}", isDamaged: false);
                        return;
                }

                var entries = response.RetainPayload();
                if (!EntryCursor.AreIntact(entries, (int)reply.Count))
                {
                    entries.Release();
                    SourceFailed($"entries from {request.First} came damaged", isDamaged: true);
                    return;
                }

                var repaired = await replicas.AskAsync<Repair, RepairReply>(request.Replica, new Repair(config, reply.First, reply.Count), cancellationToken, entries).ConfigureAwait(false);
                Answered(request, answers, () => finder.OnMoved(request, repaired.Status, repaired.DurableTail, Now));
            }

            void SourceFailed(string problem, bool isDamaged)
            {
                _errors[request.Source] = problem;
                answers.TryWrite(() => finder.OnSourceFailed(request, isDamaged, Now));
            }
        }
    }
}
