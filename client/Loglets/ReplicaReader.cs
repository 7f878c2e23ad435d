using System.Globalization;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>Reads from whichever replica can answer, beginning with the one that did last (rule 4). Thread-safe.</summary>
/// <param name="start">The replica to begin with: spreads the readers.</param>
internal sealed class ReplicaReader(ReplicaSet replicas, LogletOptions options, TimeProvider time, int start)
{
    private int _preferred = start;

    /// <summary>The replica to ask first: one that is known to be out of reach would cost the hedge's time.</summary>
    public int Preferred
    {
        get
        {
            var preferred = Volatile.Read(ref _preferred) % replicas.Count;
            for (var i = 0; i < replicas.Count; i++)
            {
                var replica = (preferred + i) % replicas.Count;
                if (!replicas.IsLost(replica)) return replica;
            }

            return preferred;
        }
    }

    /// <summary>That replica was of no use: begin with the next one.</summary>
    public void Avoid(int replica)
    {
        if (Preferred == replica) Volatile.Write(ref _preferred, (replica + 1) % replicas.Count);
    }

    public async ValueTask<ReadResult> ReadAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        if (min >= max || min >= bound) return new ReadResult(StatusCode.Ok, min, 0, null, 0);
        var began = time.GetTimestamp();
        var delay = options.RetryDelay;
        var problems = new string?[replicas.Count];
        var read = new Read(replicas.Config.Id, min, max, bound, (uint)maxBytes, ForRepair: false);
        while (true)
        {
            if (await AskInTurnAsync(read, problems, cancellationToken).ConfigureAwait(false) is { } result) return result;
            if (time.GetElapsedTime(began) >= options.OperationTimeout) throw Failed(min, problems);
            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, options.MaxRetryDelay.Ticks));
        }
    }

    /// <summary>One replica after the other, the next one as soon as one failed or was silent for a while; the first good answer counts. Null: none.</summary>
    private async ValueTask<ReadResult?> AskInTurnAsync(Read read, string?[] problems, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var asked = new List<Task<Attempt>>(1);
        var first = Preferred;
        try
        {
            for (var next = 0; asked.Count > 0 || next < replicas.Count;)
            {
                if (next < replicas.Count)
                {
                    var replica = (first + next++) % replicas.Count;
                    problems[replica] = "no answer yet";
                    asked.Add(TryAsync(replica, read, stop.Token));
                }

                if (!await AwaitAnyAsync(asked, next < replicas.Count).ConfigureAwait(false)) continue;
                var done = asked.First(static t => t.IsCompleted);
                asked.Remove(done);
                var (answered, result, problem) = await done.ConfigureAwait(false);
                problems[answered] = problem;
                if (problem is not null) continue;
                Volatile.Write(ref _preferred, answered);
                return result;
            }

            return null;
        }
        finally
        {
            if (asked.Count > 0)
            {
                await stop.CancelAsync().ConfigureAwait(false);
                foreach (var late in asked)
                {
                    await ((Task)late).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    if (late.IsCompletedSuccessfully) (await late.ConfigureAwait(false)).Result.Dispose();
                }
            }
        }
    }

    /// <summary>Waits for the first; false: none of them was done in the hedge's time.</summary>
    private async ValueTask<bool> AwaitAnyAsync(List<Task<Attempt>> tasks, bool hedged)
    {
        Task any = Task.WhenAny(tasks);
        try
        {
            await (hedged ? any.WaitAsync(options.HedgeReadsAfter, time) : any).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<Attempt> TryAsync(int replica, Read read, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await replicas.AskAsync(replica, read, null, cancellationToken).ConfigureAwait(false);
            var reply = ReplicaSet.Read<ReadReply>(response);
            if (reply.Status is StatusCode.Trimmed or StatusCode.Deleted) return new Attempt(replica, new ReadResult(reply.Status, read.Min, 0, null, reply.TrimPoint), null);
            if (reply.Status != StatusCode.Ok) return new Attempt(replica, default, reply.Status.ToString());
            if (reply.Count == 0) return new Attempt(replica, new ReadResult(StatusCode.Ok, read.Min, 0, null, reply.TrimPoint), null);
            if (reply.First < read.Min || reply.First + reply.Count > Math.Min(read.Max, read.Bound)) return new Attempt(replica, default, $"answered with [{reply.First}, {reply.First + reply.Count})");
            var entries = response.RetainPayload();
            if (EntryCursor.AreIntact(entries, (int)reply.Count)) return new Attempt(replica, new ReadResult(StatusCode.Ok, reply.First, (int)reply.Count, entries, reply.TrimPoint), null);
            entries.Release();
            return new Attempt(replica, default, "the entries came damaged");
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new Attempt(replica, default, exception.Message);
        }
    }

    private LogletException Failed(long min, string?[] problems)
    {
        var said = string.Join("; ", problems.Select((p, i) => string.Create(CultureInfo.InvariantCulture, $"node {replicas.Config.Replicas[i].NodeId}: {p}")));
        var damaged = problems.All(static p => p == nameof(StatusCode.Corrupt) || p == "the entries came damaged");
        return new LogletException(replicas.Config.Id, damaged ? StatusCode.Corrupt : StatusCode.Unavailable, $"Position {min} of Loglet {replicas.Config.Id} cannot be read: {said}");
    }

    /// <summary>What became of asking one replica.</summary>
    /// <param name="Replica">Its index.</param>
    /// <param name="Result">The answer, if it was good.</param>
    /// <param name="Problem">Why it was not; null: it was.</param>
    private readonly record struct Attempt(int Replica, ReadResult Result, string? Problem);
}
