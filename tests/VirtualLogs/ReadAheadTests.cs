using System.Diagnostics;
using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.VirtualLogs;

/// <summary>Reads ahead of a caller: what they cover, how many are under way, what becomes of those that fail.</summary>
public class ReadAheadTests
{
    [Test]
    public async Task Every_entry_is_read_once_and_in_order_whatever_their_sizes([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        var (few, many) = (random.Next(1, 200), random.Next(200, 4000));
        var reader = new GatedReader([.. Enumerable.Range(0, random.Next(1, 600)).Select(i => random.Next(i / 100 % 2 == 0 ? few : many))]) { IsOpen = true };
        var (from, until) = (random.Next(reader.Count), random.Next(reader.Count + 1));
        await using var ahead = new ReadAhead(_ => reader, random.Next(1, 20_000), default);
        reader.Cap = random.Next(2) == 0 ? int.MaxValue : random.Next(1, 5_000);
        var reads = 0;
        for (long position = from; position < until;)
        {
            using var read = await ahead.ReadAsync(reader.Config, position, until, reader.Count);
            Assert.That(reader.Asked.Count - ++reads, Is.InRange(position + read.Count < until ? 1 : 0, 4), "reads ahead");
            Assert.That(read.Status, Is.EqualTo(StatusCode.Ok));
            Assert.That(read.First, Is.EqualTo(position));
            using var cursor = new EntryCursor(read.Entries);
            for (; cursor.MoveNext(); position++) Assert.That(cursor.Header.Id.Sequence, Is.EqualTo((ulong)position));
            Assert.That(position, Is.EqualTo(read.First + read.Count));
        }

        Assert.That(reader.EntriesGiven, Is.EqualTo(Math.Max(0, until - from)), "nothing was read in vain");
    }

    [Test]
    public async Task Two_reads_are_under_way_while_the_caller_is_busy()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 1000).ToArray());
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        var first = ahead.ReadAsync(reader.Config, 0, 1000, 1000).AsTask();
        Assert.That(reader.UnderWay, Is.EqualTo(new[] { (0L, 1000L) }), "how many have room in an answer is not known yet");
        await reader.AnswerAsync(0);
        (await first).Dispose();
        Assert.That(reader.UnderWay, Is.EqualTo(new[] { (10L, 19L), (19L, 28L) }));

        // Answered in another order than asked.
        await reader.AnswerAsync(19);
        var second = ahead.ReadAsync(reader.Config, 10, 1000, 1000).AsTask();
        await reader.AnswerAsync(10);
        (await second).Dispose();
        Assert.That(reader.UnderWay, Is.EqualTo(new[] { (28L, 37L) }));
        using var third = await ahead.ReadAsync(reader.Config, 19, 1000, 1000);
        Assert.That((third.First, third.Count), Is.EqualTo((19L, 9)), "it was there already");
    }

    [Test]
    public async Task What_had_no_room_in_its_answer_comes_before_what_was_asked_for_behind_it()
    {
        // How many have room is told by the small ones; then come large ones, of which two have.
        var reader = new GatedReader([.. Enumerable.Repeat(100, 10), .. Enumerable.Repeat(1000, 90)]) { IsOpen = true };
        await using var ahead = new ReadAhead(_ => reader, 2 * EntryCodec.EncodedSize(1000), default);
        using var first = await ahead.ReadAsync(reader.Config, 0, 100, 100);
        Assert.That(first.Count, Is.EqualTo(10));
        reader.IsOpen = false;
        using var second = await ahead.ReadAsync(reader.Config, 10, 100, 100);
        Assert.That((second.First, second.Count), Is.EqualTo((10L, 2)));
        Assert.That(reader.UnderWay, Is.EqualTo(new[] { (12L, 13L), (13L, 14L) }), "two again, though what comes behind is there already");
        await reader.AnswerAsync(12);
        using var third = await ahead.ReadAsync(reader.Config, 12, 100, 100);
        Assert.That((third.First, third.Count), Is.EqualTo((12L, 1)));
    }

    [Test]
    public async Task A_server_that_gives_less_than_it_is_asked_for_is_asked_less_than_twice_as_often()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 1000).ToArray()) { IsOpen = true, Cap = 10 * EntryCodec.EncodedSize(100) };
        await using var ahead = new ReadAhead(_ => reader, 12 * EntryCodec.EncodedSize(100), default);
        for (var position = 0L; position < 1000;)
        {
            using var read = await ahead.ReadAsync(reader.Config, position, 1000, 1000);
            position += read.Count;
        }

        Assert.That(reader.Asked, Has.Count.LessThan(2 * 1000 / 10));
    }

    [Test]
    public async Task One_small_answer_does_not_make_the_next_reads_small()
    {
        // A short answer because a replica lags; then it holds all.
        var reader = new GatedReader(Enumerable.Repeat(100, 10_000).ToArray()) { IsOpen = true, Cap = 1 };
        await using var ahead = new ReadAhead(_ => reader, 100 * EntryCodec.EncodedSize(100), default);
        (await ahead.ReadAsync(reader.Config, 0, 10_000, 10_000)).Dispose();
        reader.Cap = int.MaxValue;
        for (var position = 1L; position < 10_000;)
        {
            using var read = await ahead.ReadAsync(reader.Config, position, 10_000, 10_000);
            position += read.Count;
        }

        Assert.That(reader.Asked, Has.Count.LessThan(10_000 / 93 + 20));
    }

    [Test]
    public async Task A_part_that_was_trimmed_is_told_when_it_is_due()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 100).ToArray()) { IsOpen = true };
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        reader.TrimmedBelow = 15;
        reader.TrimmedFrom = 1;
        using var first = await ahead.ReadAsync(reader.Config, 0, 100, 100);
        Assert.That(first.Status, Is.EqualTo(StatusCode.Ok));
        using var second = await ahead.ReadAsync(reader.Config, 10, 100, 100);
        Assert.That((second.Status, second.TrimPoint), Is.EqualTo((StatusCode.Trimmed, 15L)));
        using var third = await ahead.ReadAsync(reader.Config, 15, 100, 100);
        Assert.That((third.Status, third.First), Is.EqualTo((StatusCode.Ok, 15L)));
    }

    [Test]
    public async Task The_callers_token_ends_a_read_and_those_ahead_of_it()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 1000).ToArray());
        using var stop = new CancellationTokenSource();
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), stop.Token);
        var first = ahead.ReadAsync(reader.Config, 0, 1000, 1000).AsTask();
        await reader.AnswerAsync(0);
        (await first).Dispose();
        var second = ahead.ReadAsync(reader.Config, 10, 1000, 1000).AsTask();
        await stop.CancelAsync();
        Assert.That(async () => await second, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(reader.UnderWay, Is.Empty);
    }

    [Test]
    public async Task What_failed_while_nobody_waited_for_it_is_asked_for_again()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 100).ToArray()) { IsOpen = true };
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        reader.FailsAt = 10;
        (await ahead.ReadAsync(reader.Config, 0, 100, 100)).Dispose();
        Assert.That(async () => await ahead.ReadAsync(reader.Config, 10, 100, 100), Throws.TypeOf<LogletException>(), "it fails still");
        reader.FailsAt = -1;
        using var read = await ahead.ReadAsync(reader.Config, 10, 100, 100);
        Assert.That((read.First, read.Count), Is.EqualTo((10L, 10)));
    }

    [Test]
    public async Task A_failure_that_is_over_is_not_seen()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 100).ToArray()) { IsOpen = true, FailsAt = 10 };
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        (await ahead.ReadAsync(reader.Config, 0, 100, 100)).Dispose();
        reader.FailsAt = -1;
        using var read = await ahead.ReadAsync(reader.Config, 10, 100, 100);
        Assert.That((read.First, read.Count), Is.EqualTo((10L, 10)));
    }

    [Test]
    public async Task An_empty_answer_about_a_part_says_nothing_of_the_rest()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 100).ToArray()) { IsOpen = true, EmptyBelow = 19 };
        await using var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        (await ahead.ReadAsync(reader.Config, 0, 100, 100)).Dispose();
        using var read = await ahead.ReadAsync(reader.Config, 10, 100, 100);
        Assert.That(read.Count, Is.GreaterThan(0));
        Assert.That(reader.Asked[^1], Is.Not.EqualTo((10L, 19L)));
    }

    [Test]
    public async Task Another_range_than_the_next_is_read_anew_and_the_end_waits_for_no_answer()
    {
        var reader = new GatedReader(Enumerable.Repeat(100, 1000).ToArray());
        var ahead = new ReadAhead(_ => reader, 10 * EntryCodec.EncodedSize(100), default);
        var first = ahead.ReadAsync(reader.Config, 0, 1000, 1000).AsTask();
        await reader.AnswerAsync(0);
        (await first).Dispose();
        await reader.AnswerAsync(10);
        await reader.AnswerAsync(19);
        var other = ahead.ReadAsync(reader.Config, 500, 1000, 1000).AsTask();
        await reader.AnswerAsync(500);
        using var read = await other;
        Assert.That(read.First, Is.EqualTo(500));
        Assert.That(reader.UnderWay, Has.Count.EqualTo(2));
        await ahead.DisposeAsync();
        Assert.That(reader.UnderWay, Is.Empty);
    }

    /// <summary>A Loglet of entries of given sizes, numbered by their append ids, that answers a read when it is told to, or at once.</summary>
    private sealed class GatedReader(int[] sizes) : ILogletReader
    {
        private readonly Lock _lock = new();
        private readonly List<GatedRead> _underWay = [];

        public LogletConfig Config { get; } = LogletConfig.Native(LogletId.NewRandom(), 1, 2, [new ReplicaId(1, Guid.NewGuid())]);

        public int Count => sizes.Length;

        public bool IsOpen { get; set; }

        /// <summary>Reads from there fail.</summary>
        public long FailsAt { get; set; } = -1;

        /// <summary>Reads that end there or below are answered with nothing.</summary>
        public long EmptyBelow { get; set; } = -1;

        /// <summary>Most bytes of an answer, whatever is asked for.</summary>
        public int Cap { get; set; } = int.MaxValue;

        /// <summary>Reads that begin below that and not below <see cref="TrimmedFrom"/> are told that it is trimmed.</summary>
        public long TrimmedBelow { get; set; } = -1;

        public long TrimmedFrom { get; set; }

        public int EntriesGiven { get; private set; }

        public List<(long Min, long End)> Asked { get; } = [];

        public List<(long Min, long End)> UnderWay
        {
            get
            {
                lock (_lock) return _underWay.ConvertAll(static r => (r.Min, r.End));
            }
        }

        /// <summary>Answers that read once it is asked for; ends when it is under way no more.</summary>
        public async Task AnswerAsync(long min)
        {
            GatedRead? read = null;
            for (var begun = Stopwatch.GetTimestamp(); read is null; await Task.Yield())
            {
                Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(30)), $"nobody asks for {min}");
                lock (_lock) read = _underWay.Find(r => r.Min == min);
            }

            read.Gate.SetResult();
            await read.Over.Task.ConfigureAwait(false);
        }

        public async ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
        {
            Asked.Add((min, max));
            if (min == FailsAt) throw new LogletException(Config.Id, StatusCode.Unavailable, "told to");
            if (!IsOpen)
            {
                var read = new GatedRead(min, max, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
                lock (_lock) _underWay.Add(read);
                try
                {
                    await read.Gate.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    lock (_lock) _underWay.Remove(read);
                    read.Over.SetResult();
                }
            }

            var end = Math.Min(max, bound);
            if (min < TrimmedBelow && min >= TrimmedFrom) return new ReadResult(StatusCode.Trimmed, min, 0, null, TrimmedBelow);
            if (min >= end || end <= EmptyBelow) return new ReadResult(StatusCode.Ok, min, 0, null, 0);
            var payload = RetainedPayload.Create();
            var position = min;
            for (; position < end && (position == min || payload.Length + EntryCodec.EncodedSize(sizes[position]) <= Math.Min(maxBytes, Cap)); position++)
            {
                var entry = new byte[EntryCodec.EncodedSize(sizes[position])];
                EntryCodec.Encode(entry, new AppendId(1, (ulong)position), EntryKind.Data, new byte[sizes[position]]);
                payload.Append(entry);
            }

            EntriesGiven += (int)(position - min);
            return new ReadResult(StatusCode.Ok, min, (int)(position - min), payload, 0);
        }

        private sealed record GatedRead(long Min, long End, TaskCompletionSource Gate, TaskCompletionSource Over);
    }
}
