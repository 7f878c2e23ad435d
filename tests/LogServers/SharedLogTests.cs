using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.LogServers;

/// <summary>Stripes whose replicas share one log, and its commits, on a LogServer (DESIGN §3, StripedLoglet).</summary>
public sealed class SharedLogTests
{
    private static readonly LogletConfig s_one = Config(1) with { StorageGroup = new LogletId(0, 99) };
    private static readonly LogletConfig s_two = Config(2) with { StorageGroup = new LogletId(0, 99) };

    [Test]
    public async Task Two_stripes_are_in_one_log_and_come_back_after_a_crash()
    {
        await using var server = await StartAsync();
        await StoreBothAsync(server);
        Assert.That(Logs(server.DataDirectory), Is.EqualTo(new[] { s_one.StorageGroup.ToString() }));
        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.ReadAsync(s_one.Id, 0, 100, 10)).Entries, Is.EqualTo(Entries(0, 10)));
        Assert.That((await peer.ReadAsync(s_two.Id, 0, 100, 5)).Entries, Is.EqualTo(Entries(0, 5)));
        Assert.That((await peer.StoreAsync(s_one, 10, 1, withConfig: false)).DurableTail, Is.EqualTo(11));
        Assert.That((await peer.StoreAsync(s_two, 5, 1, withConfig: false)).DurableTail, Is.EqualTo(6));
    }

    [Test]
    public async Task One_is_sealed_and_the_other_is_not()
    {
        await using var server = await StartAsync();
        var sequencer = await StoreBothAsync(server);
        Assert.That((await sequencer.SealAsync(s_one)).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That((await sequencer.StoreAsync(s_two, 5, 1)).Status, Is.EqualTo(StatusCode.Ok));
        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.StatusAsync(s_one.Id)).IsSealed, Is.True);
        Assert.That((await peer.StatusAsync(s_two.Id)).IsSealed, Is.False);
    }

    [Test]
    public async Task The_log_goes_with_the_last_of_them()
    {
        await using var server = await StartAsync();
        await StoreBothAsync(server);
        Assert.That(await server.Service.DeleteAsync(s_one.Id), Is.EqualTo(StatusCode.Ok));
        var other = await server.ConnectAsync();
        Assert.That((await other.StatusAsync(s_one.Id)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That((await other.StoreAsync(s_two, 5, 1)).DurableTail, Is.EqualTo(6));
        await using (var crashed = await server.CrashAsync())
        {
            var peer = await crashed.ConnectAsync();
            Assert.That((await peer.StatusAsync(s_one.Id)).Status, Is.EqualTo(StatusCode.Deleted));
            Assert.That((await peer.ReadAsync(s_two.Id, 0, 100, 6)).Entries, Is.EqualTo(Entries(0, 6)));
        }

        Assert.That(await server.Service.DeleteAsync(s_two.Id), Is.EqualTo(StatusCode.Ok));
        Assert.That(Logs(server.DataDirectory), Is.Empty);
    }

    [Test]
    public async Task A_crash_between_the_last_tombstone_and_the_deletion_is_made_good()
    {
        await using var server = await StartAsync();
        await StoreBothAsync(server);
        await using var before = await server.CrashAsync();
        await server.Service.DeleteAsync(s_one.Id);
        await server.Service.DeleteAsync(s_two.Id);

        // The tombstones are there, and so are the files.
        await using var crashed = await server.CrashAsync(copy => CopyDirectory(Path.Combine(before.DataDirectory, "log", "segments"), Path.Combine(copy, "log", "segments")));
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.StatusAsync(s_two.Id)).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(Logs(crashed.DataDirectory), Is.Empty);
    }

    [Test]
    public async Task A_third_one_may_begin_when_the_log_has_gone()
    {
        await using var server = await StartAsync();
        await StoreBothAsync(server);
        await server.Service.DeleteAsync(s_one.Id);
        await server.Service.DeleteAsync(s_two.Id);
        var sequencer = await server.ConnectAsync();
        var third = Config(3) with { StorageGroup = s_one.StorageGroup };
        Assert.That((await sequencer.StoreAsync(third, 0, 3)).DurableTail, Is.EqualTo(3));
        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.StatusAsync(third.Id)).DurableTail, Is.EqualTo(3));
    }

    [Test, Category("Trap26")]
    public async Task Where_damage_took_everything_each_of_them_is_unknown_and_not_absent([Values] bool markers)
    {
        await using var server = await StartAsync();
        await StoreBothAsync(server);

        // A start closes the files, so that what they held is certain.
        await using var closed = await server.CrashAsync();
        await using var crashed = await closed.CrashAsync(copy =>
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(copy, "log", "segments"), "*", SearchOption.AllDirectories).Where(f => markers || GenerationName.FileIndex(Path.GetFileName(f)) >= 0))
            {
                using var stream = File.OpenWrite(file);
                var noise = new byte[stream.Length];
                new Random(1).NextBytes(noise);
                stream.Write(noise);
            }
        });
        var peer = await crashed.ConnectAsync();
        foreach (var config in new[] { s_one, s_two })
        {
            var status = await peer.StatusAsync(config.Id);

            // Corrupt: where it ended is not known either, or its seal is not durable yet.
            Assert.That(status.Status, Is.AnyOf(StatusCode.Ok, StatusCode.Corrupt));
            Assert.That(status.HasUnknown);
        }
    }

    private static async Task<LogServerPeer> StoreBothAsync(LogServerHarness server)
    {
        var sequencer = await server.ConnectAsync();
        Assert.That((await sequencer.StoreAsync(s_one, 0, 10)).DurableTail, Is.EqualTo(10));
        Assert.That((await sequencer.StoreAsync(s_two, 0, 5)).DurableTail, Is.EqualTo(5));
        return sequencer;
    }

    private static IEnumerable<string?> Logs(string data) => Directory.EnumerateDirectories(Path.Combine(data, "log", "segments")).Select(Path.GetFileName);

    private static void CopyDirectory(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories)) Directory.CreateDirectory(directory.Replace(from, to));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)) File.Copy(file, file.Replace(from, to), overwrite: true);
    }
}
