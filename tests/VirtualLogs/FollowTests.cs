using Delos.Client;
using Delos.Client.Loglets;

namespace Delos.Tests.VirtualLogs;

/// <summary>Following a log across its segments.</summary>
public class FollowTests
{
    [Test]
    public async Task Follower_sees_every_entry_once_and_in_order_across_reconfigurations()
    {
        await using var cluster = new MemoryCluster();
        var client = cluster.Client();
        var log = client.Log("log");
        await using var reader = cluster.Client();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        const int Total = 2000;
        var following = Task.Run(async () =>
        {
            var seen = new List<long>();
            await foreach (var entry in reader.Log("log").FollowAsync(0, stop.Token))
            {
                seen.Add(entry.Position);
                Assert.That(BitConverter.ToInt32(entry.Payload.Span), Is.EqualTo(entry.Position));
                if (seen.Count == Total) break;
            }

            return seen;
        });
        for (var i = 0; i < Total; i++)
        {
            await log.AppendAsync(BitConverter.GetBytes(i));
            if (i % 250 == 100) await client.Admin.ReconfigExtendAsync("log");
        }

        Assert.That(await following, Is.EqualTo(Enumerable.Range(0, Total).Select(i => (long)i)));
    }

    [Test]
    public async Task Follower_gets_the_rest_of_a_segment_once_its_stop_is_installed()
    {
        await using var cluster = new MemoryCluster();
        var client = cluster.Client();
        var log = client.Log("log");
        await log.AppendAsync(new byte[] { 0 });
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var follower = log.FollowAsync(0, stop.Token).GetAsyncEnumerator();
        Assert.That(await follower.MoveNextAsync(), Is.True);

        // Assigned, on a majority, but never acknowledged before the seal: not visible until the chain says that they are in.
        cluster.Faults.OnAppend = _ => MemoryAppendFault.Hold;
        var held = log.AppendAsync(new byte[] { 1 }).AsTask();
        await using var loglet = cluster.Memory.Open((await cluster.ChainAsync("log")).Active.Loglet);
        while ((await loglet.DescribeAsync(default)).Replicas[0].DurableTail < 2) await Task.Yield();
        var next = follower.MoveNextAsync().AsTask();
        cluster.Faults.OnAppend = null;
        await client.Admin.ReconfigExtendAsync("log");
        Assert.That(await next, Is.True);
        Assert.That((follower.Current.Position, follower.Current.Payload.Span[0]), Is.EqualTo((1L, (byte)1)));
        Assert.That(await held, Is.EqualTo(1));
        await follower.DisposeAsync();
    }

    [Test]
    public async Task Follower_that_starts_in_the_future_waits_for_it()
    {
        await using var cluster = new MemoryCluster();
        var client = cluster.Client();
        var log = client.Log("log");
        await log.AppendAsync(new byte[1]);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var follower = log.FollowAsync(3, stop.Token).GetAsyncEnumerator();
        var next = follower.MoveNextAsync().AsTask();
        await client.Admin.ReconfigExtendAsync("log");
        await log.AppendBatchAsync([new byte[1], new byte[1], new byte[] { 42 }]);
        Assert.That(await next, Is.True);
        Assert.That((follower.Current.Position, follower.Current.Payload.Span[0]), Is.EqualTo((3L, (byte)42)));
        await follower.DisposeAsync();
    }

    [Test]
    public async Task Follower_of_a_trimmed_position_is_told_so()
    {
        await using var cluster = new MemoryCluster();
        var log = cluster.Client().Log("log");
        await log.AppendBatchAsync([new byte[1], new byte[1]]);
        await log.TrimAsync(1);
        var error = await Assert.ThrowsAsync<DelosException>(async () => await log.FollowAsync(0).FirstAsync());
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.Trimmed));
    }

    [Test]
    public async Task Follower_of_a_truncated_position_is_told_so()
    {
        await using var cluster = new MemoryCluster();
        var client = cluster.Client();
        var log = client.Log("log");
        await log.AppendBatchAsync([new byte[1], new byte[1]]);
        await client.Admin.ReconfigExtendAsync("log");
        await client.Admin.ReconfigTruncateAsync("log", 2);
        await using var fresh = cluster.Client();
        var error = await Assert.ThrowsAsync<DelosException>(async () => await fresh.Log("log").FollowAsync(0).FirstAsync());
        Assert.That(error!.Code, Is.EqualTo(DelosErrorCode.Trimmed));
    }

    [Test]
    public async Task Cancelling_ends_a_follower()
    {
        await using var cluster = new MemoryCluster();
        var log = cluster.Client().Log("log");
        await log.AppendAsync(new byte[1]);
        using var stop = new CancellationTokenSource();
        var follower = log.FollowAsync(1, stop.Token).GetAsyncEnumerator();
        var next = follower.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        Assert.That(async () => await next, Throws.InstanceOf<OperationCanceledException>());
        await follower.DisposeAsync();
    }
}
