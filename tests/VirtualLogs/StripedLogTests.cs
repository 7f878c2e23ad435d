using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Tests.Loglets;

namespace Delos.Tests.VirtualLogs;

/// <summary>What an application sees of a log whose segments are striped.</summary>
public class StripedLogTests
{
    private MemoryCluster _cluster = new();
    private DelosClient _client = new MemoryCluster().Client();
    private DelosLog _log = new MemoryCluster().Client().Log("x");

    [SetUp]
    public void Open()
    {
        _cluster = new MemoryCluster();
        _client = _cluster.Client();
        _log = _client.Log("log", new LogOptions { Policy = LogPolicy.Striped(3, 3) });
    }

    [TearDown]
    public async Task Close() => await _cluster.DisposeAsync();

    [Test]
    [Category("Trap17")]
    [Category("Trap23")]
    public async Task An_append_committed_beyond_the_stop_is_in_the_log_once_behind_it()
    {
        for (var i = 0; i < 3; i++) Assert.That(await _log.AppendAsync(Number(i)), Is.EqualTo(i));

        // At position 4, on its own stripe for good, and above a position that nothing fills.
        var active = (await _cluster.ChainAsync("log")).Active.Loglet;
        _cluster.Faults.OnAppend = op => op.Sequence == 4 ? MemoryAppendFault.Hold : MemoryAppendFault.None;
        var held = _log.AppendAsync(Number(3)).AsTask();
        await UntilAsync(async () => await EntriesOfAsync(active.Stripes[0]) == 2);
        var beyond = _log.AppendAsync(Number(4)).AsTask();
        await UntilAsync(async () => await EntriesOfAsync(active.Stripes[1]) == 2);
        Assert.That(beyond.IsCompleted, Is.False);
        _cluster.Faults.OnAppend = null;
        _cluster.Faults.SealedTail = (committed, _) => committed;
        await _client.Admin.ReconfigExtendAsync("log");
        _cluster.Faults.SealedTail = null;
        var positions = await Task.WhenAll(held, beyond);
        var chain = await _cluster.ChainAsync("log");
        Assert.That(chain.Active.Start, Is.EqualTo(3), "what lies beyond the first gap is not in the segment");
        Assert.That(positions, Is.All.GreaterThanOrEqualTo(3));
        var contents = await _cluster.ContentsAsync("log");
        Assert.That(contents.Select(e => BitConverter.ToInt32(e.Payload)), Is.EquivalentTo(Enumerable.Range(0, 5)), "each once");
        for (var i = 0; i < 2; i++) Assert.That(contents.Single(e => e.Position == positions[i]).Payload, Is.EqualTo(Number(3 + i)));
    }

    [Test]
    [Category("Trap17")]
    public async Task An_append_committed_on_a_stripe_of_a_segment_that_ends_empty_is_in_the_next_one_once()
    {
        // The first goes to stripe 0, and is held there; the second is committed at once.
        _cluster.Faults.OnAppend = op => op.Sequence == 1 ? MemoryAppendFault.Hold : MemoryAppendFault.None;
        var appends = _log.AppendBatchAsync([Number(0), Number(1)]).AsTask();
        await UntilAsync(async () => await _cluster.Chains.ReadAsync("log") is { } c && await EntriesOfAsync(c.Active.Loglet.Stripes[1]) == 1);
        var before = (await _cluster.ChainAsync("log")).Active;
        _cluster.Faults.OnAppend = null;
        _cluster.Faults.SealedTail = (committed, _) => committed;
        await _client.Admin.ReconfigExtendAsync("log");
        await appends;
        Assert.That((await _cluster.ChainAsync("log")).FindByInstallId(before.InstallId), Is.Null, "it is left out");
        Assert.That((await _cluster.ContentsAsync("log")).Select(e => BitConverter.ToInt32(e.Payload)), Is.EquivalentTo(new[] { 0, 1 }));
        await UntilAsync(() => Task.FromResult(_cluster.Deleted.ContainsKey(before.Loglet.Id)));
        foreach (var stripe in before.Loglet.Stripes) await UntilAsync(() => IsDeletedAsync(stripe));
    }

    [Test]
    [Category("Trap18")]
    public async Task The_first_position_is_one_that_can_be_read_wherever_in_a_round_of_stripes_the_log_was_trimmed([Range(1, 9)] int trim)
    {
        for (var i = 0; i < 10; i++) await _log.AppendAsync(Number(i));
        Assert.That(await _log.TrimAsync(trim), Is.EqualTo(trim));
        Assert.That(await _log.FirstPositionAsync(), Is.EqualTo(trim));
        var kept = new List<int>();
        await foreach (var entry in _log.ReadAsync(trim)) kept.Add(BitConverter.ToInt32(entry.Payload.Span));
        Assert.That(kept, Is.EqualTo(Enumerable.Range(trim, 10 - trim)));
        await _client.Admin.ReconfigExtendAsync("log");
        Assert.That(await _log.FirstPositionAsync(), Is.EqualTo(trim));
        for (var below = 0; below < trim; below++)
        {
            var from = below;
            var error = await Assert.ThrowsAsync<DelosException>(async () => await _log.ReadAsync(from).GetAsyncEnumerator().MoveNextAsync());
            Assert.That(error?.Code, Is.EqualTo(DelosErrorCode.Trimmed));
            error = await Assert.ThrowsAsync<DelosException>(async () => await _log.FollowAsync(from).GetAsyncEnumerator().MoveNextAsync());
            Assert.That(error?.Code, Is.EqualTo(DelosErrorCode.Trimmed));
        }
    }

    [Test]
    public async Task Readers_and_followers_see_every_entry_once_in_order_across_all_kinds_of_segments_and_no_gap_record()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        const int Total = 1500;
        await using var reader = _cluster.Client();
        var others = _cluster.Client().Log("log");
        await _log.AppendAsync(Number(-1));
        var following = Task.Run(async () =>
        {
            var seen = new List<(long Position, int Number)>();
            await foreach (var entry in reader.Log("log").FollowAsync(0, stop.Token))
            {
                seen.Add((entry.Position, BitConverter.ToInt32(entry.Payload.Span)));
                if (seen.Count == Total + 1) break;
            }

            return seen;
        });
        var positions = new List<(long, int)> { (0, -1) };
        LogPolicy[] policies = [LogPolicy.Striped(3, 2), LogPolicy.Default, LogPolicy.Striped(3, 5), LogPolicy.Striped(3, 1), LogPolicy.Striped(3, 4)];
        for (var i = 0; i < Total; i += 3)
        {
            if (i % 300 == 99) await _client.Admin.ReconfigExtendAsync("log", new ReconfigExtendOptions { Policy = policies[i / 300] });
            var three = await Task.WhenAll(_log.AppendAsync(Number(i)).AsTask(), others.AppendAsync(Number(i + 1)).AsTask(), _log.AppendAsync(Number(i + 2)).AsTask());
            positions.AddRange(three.Select((p, k) => (p, i + k)));
        }

        Assert.That(await following, Is.EqualTo(positions.Order()));
        var read = new List<(long, int)>();
        await foreach (var entry in reader.Log("log").ReadAsync(0, cancellationToken: stop.Token)) read.Add((entry.Position, BitConverter.ToInt32(entry.Payload.Span)));
        Assert.That(read, Is.EqualTo(positions.Order()));
    }

    [Test]
    public async Task Clients_that_append_once_and_go_leave_no_gap()
    {
        for (var i = 0; i < 7; i++)
        {
            await using var client = _cluster.Client();
            Assert.That(await client.Log("log", new LogOptions { Policy = LogPolicy.Striped(3, 3) }).AppendAsync(Number(i)), Is.EqualTo(i));
        }
    }

    [Test]
    public async Task A_candidate_of_which_one_stripe_was_not_opened_is_deleted_with_all_its_stripes_and_another_placed()
    {
        await _log.AppendAsync(Number(0));
        _cluster.OnOpen = config => config.Id == _cluster.Placed.ElementAt(1).Id ? StatusCode.Unavailable : StatusCode.Ok;
        var extended = await _client.Admin.ReconfigExtendAsync("log");
        var placed = _cluster.Placed.ToArray();
        Assert.That(placed, Has.Length.EqualTo(3));
        Assert.That(extended.Chain.Active.Loglet, Is.EqualTo(placed[2]));
        foreach (var stripe in placed[1].Stripes) await UntilAsync(() => IsDeletedAsync(stripe));
        foreach (var stripe in placed[2].Stripes) Assert.That(await IsDeletedAsync(stripe), Is.False);
    }

    private static byte[] Number(int number) => BitConverter.GetBytes(number);

    private async Task<long> EntriesOfAsync(LogletConfig stripe)
    {
        await using var loglet = _cluster.Memory.Open(stripe);
        return (await loglet.DescribeAsync(default)).Replicas[0].DurableTail;
    }

    private async Task<bool> IsDeletedAsync(LogletConfig stripe)
    {
        await using var loglet = _cluster.Memory.Open(stripe);
        try
        {
            await loglet.CheckTailAsync(default);
            return false;
        }
        catch (LogletException e) when (e.Code == StatusCode.Deleted)
        {
            return true;
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Patience.Long);
        while (!await condition()) await Task.Delay(1, limit.Token);
    }
}
