using System.Runtime.CompilerServices;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>Reads of a StripedLoglet: the stripes' entries, put in order. Gap records stay among them, so that the result is dense; who shows entries to applications leaves them out.</summary>
internal sealed class StripedReader(StripeMath math, ILoglet[] stripes)
{
    public async ValueTask<ReadResult> ReadAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        var end = Math.Min(max, bound);
        if (min >= end) return new ReadResult(StatusCode.Ok, min, 0, null, 0);
        var each = Math.Max(1, maxBytes / math.Count);
        var results = await ReadAllAsync(min, end, bound, each, cancellationToken).ConfigureAwait(false);
        try
        {
            var trim = TrimPoint(results);
            if (results.Any(r => r.Status == StatusCode.Deleted)) return new ReadResult(StatusCode.Deleted, min, 0, null, trim);
            if (results.Any(r => r.Status == StatusCode.Trimmed)) return new ReadResult(StatusCode.Trimmed, min, 0, null, Math.Max(trim, await TrimPointAsync(min, bound, cancellationToken).ConfigureAwait(false)));
            var payload = RetainedPayload.Create();
            var count = 0;
            var slices = results.Select(r => new Slices(r)).ToArray();
            while (min + count < end && slices[math.StripeOf(min + count)].TryTake(math.OwnBelow(math.StripeOf(min + count), min + count), payload)) count++;
            if (count > 0) return new ReadResult(StatusCode.Ok, min, count, payload, trim);
            payload.Release();
            return new ReadResult(StatusCode.Ok, min, 0, null, trim);
        }
        finally
        {
            foreach (var result in results) result.Dispose();
        }
    }

    public async IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var end = Math.Min(max, stop ?? long.MaxValue);
        var followers = new Follower[math.Count];
        for (var i = 0; i < followers.Length; i++)
        {
            var (stripe, ownMax, ownStop) = (stripes[i], max == long.MaxValue ? max : math.OwnBelow(i, max), stop is { } s ? math.OwnBelow(i, s) : (long?)null);
            followers[i] = new Follower(own => stripe.SubscribeAsync(own, ownMax, ownStop, cancellationToken).GetAsyncEnumerator(cancellationToken), math.OwnBelow(i, min), isOpen: stop is null);
        }

        try
        {
            // It may begin beyond the tail: what a stripe has committed there is dropped by a seal unless everything below is filled, on every stripe.
            foreach (var follower in followers)
            {
                while (min < end && !follower.IsFilledBelow)
                {
                    if (!await follower.MoveNextAsync().ConfigureAwait(false)) yield break;
                    if (follower.Status == StatusCode.Ok) continue;
                    yield return new EntryBatch(follower.Status, min, 0, null, min);
                    yield break;
                }
            }

            for (var next = min; next < end;)
            {
                var payload = RetainedPayload.Create();
                var first = next;

                // What has come is passed on before anything is waited for.
                while (next < end && followers[math.StripeOf(next)].TryTake(math.OwnBelow(math.StripeOf(next), next), payload)) next++;
                if (next > first)
                {
                    yield return new EntryBatch(StatusCode.Ok, first, (int)(next - first), payload, next);
                    continue;
                }

                payload.Release();
                var follower = followers[math.StripeOf(next)];
                if (!await follower.MoveNextAsync().ConfigureAwait(false)) yield break;
                if (follower.Status == StatusCode.Ok) continue;
                yield return new EntryBatch(follower.Status, next, 0, null, next);
                yield break;
            }
        }
        finally
        {
            foreach (var follower in followers) await follower.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<ReadResult[]> ReadAllAsync(long min, long end, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        var reads = stripes.Select((stripe, i) => stripe.ReadNextAsync(math.OwnBelow(i, min), math.OwnBelow(i, end), math.OwnBelow(i, bound), maxBytes, cancellationToken).AsTask()).ToArray();
        try
        {
            return await Task.WhenAll(reads).ConfigureAwait(false);
        }
        catch
        {
            foreach (var read in reads.Where(static r => r.IsCompletedSuccessfully)) read.Result.Dispose();
            throw;
        }
    }

    /// <summary>Asked of every stripe: a read of few positions has not gone to all, and the last position that was trimmed is on one of them.</summary>
    private async Task<long> TrimPointAsync(long min, long bound, CancellationToken cancellationToken)
    {
        var looks = await ReadAllAsync(min, bound, bound, 1, cancellationToken).ConfigureAwait(false);
        foreach (var look in looks) look.Dispose();
        return TrimPoint(looks);
    }

    private long TrimPoint(ReadResult[] results) => math.TrimPoint([.. results.Select(static r => r.TrimPoint)]);

    /// <summary>Takes the entries of one payload one by one, by reference.</summary>
    private sealed class Slices(RetainedPayload? payload, long first, int count)
    {
        private readonly int[] _ends = EndsOf(payload, count);

        public Slices(in ReadResult read)
            : this(read.Entries, read.First, read.Count)
        {
        }

        public bool TryTake(long own, RetainedPayload into)
        {
            if (payload is null || own < first || own >= first + count) return false;
            var index = (int)(own - first);
            var start = index == 0 ? 0 : _ends[index - 1];
            var slice = payload.Slice(start, _ends[index] - start);
            into.Append(slice);
            slice.Release();
            return true;
        }

        private static int[] EndsOf(RetainedPayload? payload, int count)
        {
            var ends = new int[count];
            using var cursor = new EntryCursor(payload);
            for (int i = 0, end = 0; i < count && cursor.MoveNext(); i++) ends[i] = end += cursor.Header.Size;
            return ends;
        }
    }

    /// <summary>
    /// One stripe's subscription. While the Loglet is open it begins one position below the first that is wanted, unless that is the stripe's first: once that one comes, or turns out to be trimmed, everything
    /// below is committed.
    /// </summary>
    private sealed class Follower(Func<long, IAsyncEnumerator<EntryBatch>> subscribe, long min, bool isOpen) : IAsyncDisposable
    {
        private IAsyncEnumerator<EntryBatch> _batches = subscribe(isOpen && min > 0 ? min - 1 : min);
        private EntryBatch _batch;
        private Slices? _slices;

        public StatusCode Status => _batch.Status;

        /// <summary>Everything below the first wanted position is known to be committed on this stripe.</summary>
        public bool IsFilledBelow { get; private set; } = !isOpen || min == 0;

        public bool TryTake(long own, RetainedPayload into) => _slices is not null && _slices.TryTake(own, into);

        public async ValueTask<bool> MoveNextAsync()
        {
            Release();
            if (!await _batches.MoveNextAsync().ConfigureAwait(false)) return false;
            _batch = _batches.Current;
            if (_batch.Status == StatusCode.Trimmed && !IsFilledBelow)
            {
                IsFilledBelow = true;
                Release();
                await _batches.DisposeAsync().ConfigureAwait(false);
                _batches = subscribe(min);
                return true;
            }

            IsFilledBelow |= _batch.Status == StatusCode.Ok && Math.Max(_batch.First + _batch.Count, _batch.GlobalTail) >= min;
            _slices = new Slices(_batch.Entries, _batch.First, _batch.Count);
            return true;
        }

        public async ValueTask DisposeAsync()
        {
            Release();
            await _batches.DisposeAsync().ConfigureAwait(false);
        }

        private void Release()
        {
            _slices = null;
            _batch.Dispose();
            _batch = default;
        }
    }
}
