using Delos.LocalStorage;
using Delos.Protocol.Connections;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Runtime;
using Delos.Tests.Transport;

namespace Delos.Tests.Snapshots;

/// <summary>Snapshots that are copied from other nodes over real sockets.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class PeerSnapshotTests
{
    private const int Chunk = 64 << 10;

    private static readonly (string Name, int Size)[] s_files = [("CURRENT", 16), ("a.sst", (5 * Chunk) + 17), ("b.sst", 3 * Chunk), ("empty", 0), ("sub/c.sst", 1000)];

    private readonly SnapshotNodes _nodes = new();

    [TearDown]
    public async Task EndAsync() => await _nodes.DisposeAsync();

    [Test]
    public async Task All_files_of_a_peers_snapshot_arrive_as_they_are()
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        using var mine = _nodes.Of(2);
        Assert.That(await mine.ListAsync(default), Is.EqualTo(new[] { snapshot }));
        Assert.That(await mine.ListOwnAsync(default), Is.Empty);
        Check(await mine.FetchAsync(snapshot, default), 7);
        Assert.That(_nodes[1].Reads.Count(r => r.File == "a.sst"), Is.EqualTo(6), "in chunks");

        // It is there now: nobody is asked again, also not by a process that was started anew.
        await _nodes.StopAsync(1);
        using var again = _nodes.Of(2);
        Check(await again.FetchAsync(snapshot, default), 7);
        Assert.That(await again.ListAsync(default), Is.Empty, "a copy is not offered to others");
    }

    [Test]
    public async Task The_manifest_is_parsed_once_for_a_copy_however_many_chunks_it_has()
    {
        _nodes.Start(1);
        (string, int)[] files = [.. Enumerable.Range(0, 20).Select(static i => ($"{i}.sst", Chunk))];
        var snapshot = await _nodes.SaveAsync(1, 100, 7, files);
        using var mine = _nodes.Of(2);
        await mine.FetchAsync(snapshot, default);
        Assert.That(_nodes[1].Reads, Has.Count.EqualTo(20));
        Assert.That(_nodes[1].Snapshots.ManifestsParsed, Is.EqualTo(1));

        // Another one under the same name is seen.
        await _nodes[1].Snapshots.DeleteAsync(snapshot, default);
        Assert.That(_nodes[1].Snapshots.TryOpen(snapshot, "1.sst"), Is.Null);
        await _nodes.SaveAsync(1, 100, 8, ("other.sst", 5));
        Assert.That(_nodes[1].Snapshots.TryOpen(snapshot, "1.sst"), Is.Null);
        using var other = _nodes[1].Snapshots.TryOpen(snapshot, "other.sst");
        Assert.That(other, Is.Not.Null);
    }

    [Test]
    public async Task The_newest_snapshots_of_all_come_first_and_a_node_that_is_away_is_left_out()
    {
        foreach (var id in new uint[] { 1, 2, 3 }) _nodes.Start(id);
        var old = await _nodes.SaveAsync(1, 100, 1, ("f", 10));
        var newer = await _nodes.SaveAsync(2, 300, 1, ("f", 10));
        var own = await _nodes.SaveAsync(4, 200, 1, ("f", 10));
        using var mine = _nodes.Of(4);
        Assert.That(await mine.ListAsync(default), Is.EqualTo(new[] { newer, own, old }));
        await _nodes.StopAsync(2);
        Assert.That(await mine.ListAsync(default), Is.EqualTo(new[] { own, old }));
        await mine.DeleteAsync(old, default);
        await mine.DeleteAsync(own, default);
        Assert.That(await mine.ListAsync(default), Is.EqualTo(new[] { old }), "only own ones are deleted");
    }

    [Test]
    public async Task A_copy_goes_on_at_another_peer_when_one_dies()
    {
        foreach (var id in new uint[] { 1, 2 }) _nodes.Start(id);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        Copy(DirectoryOf(1, snapshot), DirectoryOf(2, snapshot));
        _nodes[1].DiesAt = 5;
        using var mine = _nodes.Of(3, static o => o with { Window = 2 });
        Check(await mine.FetchAsync(snapshot, default), 7);
        Assert.That(_nodes[1].Reads, Has.Count.GreaterThanOrEqualTo(5));
        Assert.That(_nodes[2].Reads.First(r => r.File == "a.sst").Offset, Is.GreaterThan(0), "what the first one gave is not copied again");
        Assert.That(_nodes[2].Reads.Select(r => r.File), Has.None.EqualTo("CURRENT"));
    }

    [Test]
    public async Task A_damaged_byte_is_noticed_and_another_peer_asked()
    {
        foreach (var id in new uint[] { 1, 2 }) _nodes.Start(id);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        Copy(DirectoryOf(1, snapshot), DirectoryOf(2, snapshot));
        Damage(Path.Combine(DirectoryOf(1, snapshot), "state", "b.sst"));
        using var mine = _nodes.Of(3);
        Check(await mine.FetchAsync(snapshot, default), 7);
        Assert.That(_nodes[2].Reads.Select(r => r.File), Has.None.EqualTo("a.sst"), "what was whole stays");
    }

    [Test]
    public async Task A_damaged_beginning_is_not_laid_to_the_peer_that_gave_the_end()
    {
        foreach (var id in new uint[] { 1, 2 }) _nodes.Start(id);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, ("a.sst", 6 * Chunk));
        Copy(DirectoryOf(1, snapshot), DirectoryOf(2, snapshot));
        Damage(Path.Combine(DirectoryOf(1, snapshot), "state", "a.sst"));
        _nodes[1].DiesAt = 4;
        using var mine = _nodes.Of(3, static o => o with { Window = 1 });
        var state = await mine.FetchAsync(snapshot, default);
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(state, "a.sst")), Is.EqualTo(SnapshotNodes.Bytes("a.sst", 6 * Chunk, 7)));
        Assert.That(_nodes[2].Reads.Select(r => r.Offset), Is.EqualTo(new long[] { 3 * Chunk, 4 * Chunk, 5 * Chunk, 0, Chunk, 2 * Chunk, 3 * Chunk, 4 * Chunk, 5 * Chunk }));
    }

    [Test]
    public async Task A_snapshot_that_all_have_damaged_or_nobody_has_any_more_is_an_error_and_leaves_nothing()
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        Damage(Path.Combine(DirectoryOf(1, snapshot), "state", "b.sst"));
        using var mine = _nodes.Of(3);
        Assert.That(async () => await mine.FetchAsync(snapshot, default), Throws.TypeOf<InvalidDataException>().With.Message.Contains("at 100 of replica 1").And.Message.Contains("'b.sst' is damaged"));
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(3)), Is.Empty);
        Assert.That(async () => await mine.FetchAsync(snapshot with { Cursor = 101 }, default), Throws.TypeOf<InvalidDataException>().With.Message.Contains("no such file"));
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(3)), Is.Empty);
    }

    [Test]
    public async Task A_copy_that_is_cancelled_leaves_nothing()
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        _nodes[1].SilentFrom = 4;
        using var mine = _nodes.Of(3);
        using var enough = new CancellationTokenSource();
        var copy = mine.FetchAsync(snapshot, enough.Token).AsTask();
        await _nodes[1].Silenced.Task.WaitAsync(Loopback.Patience);
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(3)), Is.Not.Empty, "it is under way");
        await enough.CancelAsync();
        Assert.That(async () => await copy, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(3)), Is.Empty);
    }

    [Test]
    public async Task A_peer_that_does_not_answer_is_passed_over()
    {
        foreach (var id in new uint[] { 1, 2 }) _nodes.Start(id);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        Copy(DirectoryOf(1, snapshot), DirectoryOf(2, snapshot));
        _nodes[1].SilentFrom = 4;
        using var mine = _nodes.Of(3, static o => o with { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        Check(await mine.FetchAsync(snapshot, default), 7);
    }

    [Test]
    public async Task A_copy_goes_when_the_replica_has_written_a_snapshot_of_its_own()
    {
        _nodes.Start(1);
        var theirs = await _nodes.SaveAsync(1, 100, 7, s_files);
        using var mine = _nodes.Of(2);
        await mine.FetchAsync(theirs, default);
        var own = await mine.SaveAsync(
            2,
            directory =>
            {
                Directory.CreateDirectory(directory);
                File.WriteAllText(Path.Combine(directory, "f"), "state");
                return ValueTask.FromResult(200L);
            },
            default);
        Assert.That(await mine.ListOwnAsync(default), Is.EqualTo(new[] { own }));
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(2)), Has.Exactly(1).Items);
    }

    [Test]
    public async Task What_is_being_copied_is_in_use_for_a_minute_after_the_last_part_was_asked_for()
    {
        var clock = new ShiftedClock();
        await using var node = new SnapshotNode(9, _nodes.DirectoryOf(1), timeProvider: clock);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        var other = await _nodes.SaveAsync(1, 200, 7, s_files);
        await using var connection = await Connector.ConnectAsync(node.EndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
        using (await connection.RequestAsync(new SnapshotList(SnapshotNode.Log))) Assert.That(node.Snapshots.IsInUse(snapshot), Is.False, "it was only listed");
        var read = new SnapshotRead(SnapshotNode.Log, snapshot.Cursor, snapshot.Replica, "", 0, 100);
        using (await connection.RequestAsync(read)) Assert.That(node.Snapshots.IsInUse(snapshot), Is.True);
        clock.Shift += TimeSpan.FromSeconds(50);
        using (await connection.RequestAsync(read with { File = "a.sst" })) clock.Shift += TimeSpan.FromSeconds(50);
        Assert.That((node.Snapshots.IsInUse(snapshot), node.Snapshots.IsInUse(other)), Is.EqualTo((true, false)));
        clock.Shift += TimeSpan.FromSeconds(11);
        Assert.That(node.Snapshots.IsInUse(snapshot), Is.False);

        // What turned out to be wrong is deleted all the same.
        using (await connection.RequestAsync(read)) await node.Snapshots.DeleteAsync(snapshot, default);
        Assert.That(await node.Snapshots.ListAsync(default), Is.EqualTo(new[] { other }));
        Assert.That(node.Snapshots.IsInUse(snapshot), Is.False);
    }

    [TestCase("../node-1/secret")]
    [TestCase("../../secret")]
    [TestCase("/etc/passwd")]
    [TestCase("sub/../../../secret")]
    [TestCase("sub//c.sst")]
    [TestCase("./a.sst")]
    [TestCase("..")]
    public async Task A_name_that_leaves_the_snapshots_directory_is_refused(string name)
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        await File.WriteAllTextAsync(Path.Combine(_nodes.DirectoryOf(1), "secret"), "secret");
        var refusal = await RefusalAsync(new SnapshotRead(SnapshotNode.Log, snapshot.Cursor, snapshot.Replica, name, 0, 100));
        Assert.That(refusal, Is.EqualTo(StatusCode.Malformed));
    }

    [Test]
    public async Task Nothing_is_given_but_what_the_manifest_names()
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        await File.WriteAllTextAsync(Path.Combine(DirectoryOf(1, snapshot), "state", "later"), "not of the snapshot");
        var read = new SnapshotRead(SnapshotNode.Log, snapshot.Cursor, snapshot.Replica, "later", 0, 100);
        Assert.That(await RefusalAsync(read), Is.EqualTo(StatusCode.NotFound));
        Assert.That(await RefusalAsync(read with { File = "a.sst", Cursor = 99 }), Is.EqualTo(StatusCode.NotFound));
        Assert.That(await RefusalAsync(read with { File = "a.sst", Log = "other" }), Is.EqualTo(StatusCode.NotFound));
        Assert.That(await RefusalAsync(read with { File = "a.sst", Length = 0 }), Is.EqualTo(StatusCode.LimitExceeded));
    }

    [Test]
    public async Task An_answer_is_bounded_whatever_is_asked_for()
    {
        var options = new Delos.Daemon.Snapshots.SnapshotServiceOptions { MaxChunkBytes = 100_000 };
        await using var node = new SnapshotNode(9, _nodes.DirectoryOf(1), options);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        await using var connection = await Connector.ConnectAsync(node.EndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
        using var response = await connection.RequestAsync(new SnapshotRead(SnapshotNode.Log, snapshot.Cursor, snapshot.Replica, "a.sst", 1, uint.MaxValue));
        Assert.That(response.TryRead<SnapshotBytes>(out var answer), Is.True);
        Assert.That((answer.FileSize, response.PayloadLength), Is.EqualTo((s_files[1].Size, 100_000)));
        using var beyond = await connection.RequestAsync(new SnapshotRead(SnapshotNode.Log, snapshot.Cursor, snapshot.Replica, "a.sst", long.MaxValue, 100));
        Assert.That(beyond.PayloadLength, Is.Zero);

        // A copy makes do with it.
        using var mine = new PeerSnapshots(new DirectorySnapshots(_nodes.DirectoryOf(5)), SnapshotNode.Log, _ => new ValueTask<IReadOnlyList<uint>>([9U]), (_, _) => new ValueTask<Connection>(connection));
        Check(await mine.FetchAsync(snapshot, default), 7);
    }

    [Test]
    public void A_manifest_that_names_a_file_elsewhere_is_none()
    {
        foreach (var (name, isOne) in new[] { ("a", true), ("a/b", true), ("../a", false), ("/a", false), ("a/../../b", false), ("", false), ("a/", false) })
        {
            var line = $"00000000 0 {name}";
            var text = $"{line}\n{Crc32C.Compute(System.Text.Encoding.UTF8.GetBytes(line)):x8}\n";
            Assert.That(SnapshotManifest.TryParse(text) is not null, Is.EqualTo(isOne), name);
        }
    }

    private string DirectoryOf(uint node, SnapshotInfo snapshot) => Path.Combine(_nodes.DirectoryOf(node), DirectorySnapshots.NameOf(snapshot));

    private async Task<StatusCode> RefusalAsync(SnapshotRead read)
    {
        await using var connection = await Connector.ConnectAsync(_nodes[1].EndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
        try
        {
            using var response = await connection.RequestAsync(read);
            return StatusCode.Ok;
        }
        catch (DelosProtocolException e)
        {
            return e.Code;
        }
    }

    private static void Check(string state, int seed)
    {
        Assert.That(Directory.EnumerateFiles(state, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(state, f)), Is.EquivalentTo(s_files.Select(f => f.Name)));
        foreach (var (name, size) in s_files) Assert.That(File.ReadAllBytes(Path.Combine(state, name)), Is.EqualTo(SnapshotNodes.Bytes(name, size, seed)), name);
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static void Damage(string file)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[100] ^= 1;
        File.WriteAllBytes(file, bytes);
    }
}
