using Delos.Client;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>Damaged, full and foreign disks below real processes.</summary>
public sealed class DamageTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    [Category("Trap26")]
    public async Task A_flipped_byte_in_the_middle_of_a_segment_file_is_mended_from_a_peer([Values(1, 2, 3)] int seed)
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using (var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 32, history))
        {
            await load.AdvanceAsync(5_000, s_patience);
            await load.StopAsync();
        }

        var victim = await SequencerNodeAsync(client) % 3 + 1;
        await Cluster[victim].KillAsync();
        FlipByte(Cluster[victim].DataDirectory, new Random(seed));
        await Cluster.RestartAsync(victim, CancellationToken.None);
        await client.Admin.ReconfigExtendAsync(Log);
        await WaitUntilFullAsync(client, s_patience);
        await CheckAsync(history);
    }

    [Test]
    public async Task Full_disks_refuse_appends_and_serve_reads_until_there_is_room_again()
    {
        await using var disks = SmallDisks.Mount(TestContext.CurrentContext.WorkDirectory, nodes: 3, megabytes: 96);
        await StartClusterAsync(disks.Directory, 3, "storage.file_size=4MiB", "storage.spare_files=1");
        disks.FillUp();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        var log = client.Log(Log);
        var payload = new byte[64 << 10];
        var acknowledged = new List<long>();
        var (pending, full) = await AppendUntilRefusedAsync(log, payload, acknowledged);
        Assert.Multiple(() =>
        {
            Assert.That(full.Code, Is.EqualTo(DelosErrorCode.DiskFull));
            Assert.That(acknowledged, Is.Not.Empty);
        });
        Assert.That(await ReadPositionsAsync(log), Is.EqualTo(acknowledged), "reads go on while the disks are full");
        Assert.That((await client.Admin.SealAsync(Log)).ComputedTail, Is.GreaterThanOrEqualTo(0), "a full disk can still be sealed");

        disks.MakeRoom();
        acknowledged.Add(await pending.WaitAsync(s_patience));
        acknowledged.Add(await AppendOnceThereIsRoomAsync(log, payload));
        Assert.That(await ReadPositionsAsync(log), Is.EqualTo(acknowledged));
    }

    /// <summary>
    /// The append during which the disks got full had its position already: it cannot be given up and waits for room. Every later one is refused at once.
    /// </summary>
    private static async Task<(Task<long> Pending, DelosException Refusal)> AppendUntilRefusedAsync(DelosLog log, byte[] payload, List<long> acknowledged)
    {
        for (var i = 0; i < 10_000; i++)
        {
            var append = log.AppendAsync(payload).AsTask();
            if (await Task.WhenAny(append, Task.Delay(TimeSpan.FromSeconds(2))) == append)
            {
                acknowledged.Add(await append);
                continue;
            }

            var refusal = await Assert.ThrowsAsync<DelosException>(() => log.AppendAsync(payload).AsTask().WaitAsync(s_patience));
            return (append, refusal ?? throw new AssertionException("The append was not refused."));
        }

        throw new AssertionException("The disks did not get full.");
    }

    private static async Task<long> AppendOnceThereIsRoomAsync(DelosLog log, byte[] payload)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        while (true)
        {
            try
            {
                return await log.AppendAsync(payload, deadline.Token);
            }
            catch (DelosException e) when (e.Code is DelosErrorCode.DiskFull or DelosErrorCode.Unavailable)
            {
                await Task.Delay(100, deadline.Token);
            }
        }
    }

    private static async Task<List<long>> ReadPositionsAsync(DelosLog log)
    {
        var positions = new List<long>();
        await foreach (var entry in log.ReadAsync(0)) positions.Add(entry.Position);
        return positions;
    }

    /// <summary>Flips one byte that holds something, in the first half of what a segment file holds.</summary>
    private static void FlipByte(string dataDirectory, Random random)
    {
        var file = Directory.EnumerateFiles(dataDirectory, "*.seg", SearchOption.AllDirectories)
            .Where(f => f.Contains("segments", StringComparison.Ordinal))
            .Select(f => (Path: f, Bytes: File.ReadAllBytes(f)))
            .OrderByDescending(f => f.Bytes.AsSpan().LastIndexOfAnyExcept((byte)0)).First();
        var end = file.Bytes.AsSpan().LastIndexOfAnyExcept((byte)0);
        Assert.That(end, Is.GreaterThan(10_000), "the load left something to damage");
        int at;
        do at = random.Next(1_000, end / 2);
        while (file.Bytes[at] == 0);
        using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Write);
        stream.Position = at;
        stream.WriteByte((byte)(file.Bytes[at] ^ 0x5A));
    }
}
