using Delos.LocalStorage;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Connections;
using Delos.Runtime;
using Delos.Tests.Transport;

namespace Delos.Tests.Snapshots;

/// <summary>Snapshots that are kept outside of any replica's directory.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class SavedSnapshotTests
{
    private const int Chunk = 64 << 10;

    private static readonly (string Name, int Size)[] s_files = [("CURRENT", 16), ("a.sst", (5 * Chunk) + 17), ("empty", 0), ("sub/c.sst", 1000)];
    private static readonly SnapshotOrigin s_origin = new(new Guid("11111111-2222-3333-4444-555555555555"), "tables", new SnapshotInfo(100, 1), DateTimeOffset.UnixEpoch.AddTicks(17), 0);

    private readonly SnapshotNodes _nodes = new();

    [TearDown]
    public async Task EndAsync() => await _nodes.DisposeAsync();

    private string Target => Path.Combine(_nodes.DirectoryOf(9), "saved");

    [Test]
    public async Task A_saved_snapshot_is_whole_and_says_where_it_comes_from()
    {
        _nodes.Start(1);
        var said = new List<(long There, long All)>();
        await SaveAsync(await _nodes.SaveAsync(1, 100, 7, s_files), (there, all) => said.Add((there, all)));
        var saved = SavedSnapshot.Open(Target);
        Assert.That(await ProblemsAsync(), Is.Empty);
        Assert.That(saved.Origin, Is.EqualTo(s_origin with { ManifestCrc = saved.Origin!.ManifestCrc }));
        Assert.That(said[^1], Is.EqualTo((saved.Bytes, saved.Bytes)));
        Assert.That(said.Select(static s => s.There), Is.Ordered);
        foreach (var (name, size) in s_files) Assert.That((await File.ReadAllBytesAsync(Path.Combine(saved.State, name))).AsSpan().SequenceEqual(SnapshotNodes.Bytes(name, size, 7)), name);
        Assert.That(Directory.EnumerateFileSystemEntries(_nodes.DirectoryOf(9)), Has.Exactly(1).Items, "nothing is left of its making");
    }

    [Test]
    public async Task What_an_interrupted_save_left_is_not_copied_again()
    {
        _nodes.Start(1);
        var snapshot = await _nodes.SaveAsync(1, 100, 7, s_files);
        _nodes[1].DiesAt = 4;
        Assert.That(async () => await SaveAsync(snapshot), Throws.TypeOf<ConnectionLostException>());
        Assert.That(Directory.Exists(Target), Is.False);
        await _nodes.StopAsync(1);

        // Another attempt finds the beginning of a file; one that was whole and one that is none of the snapshot's are there, too.
        await File.WriteAllTextAsync(Path.Combine(Target + ".partial", "state", "older.sst"), "of another snapshot");
        _nodes.Start(1);
        await SaveAsync(snapshot);
        Assert.That(await ProblemsAsync(), Is.Empty);
        Assert.That(_nodes[1].Reads.Where(static r => r.File == "a.sst").Min(static r => r.Offset), Is.GreaterThan(0));
        Assert.That(_nodes[1].Reads.Select(static r => r.File), Has.None.EqualTo("CURRENT"));
    }

    [TestCase(1000)]
    [TestCase((5 * Chunk) + 17)]
    [TestCase((6 * Chunk) + 17)]
    public async Task What_an_earlier_save_left_of_another_file_is_no_part_of_it(int bytes)
    {
        _nodes.Start(1);
        Directory.CreateDirectory(Path.Combine(Target + ".partial", "state"));
        await File.WriteAllBytesAsync(Path.Combine(Target + ".partial", "state", "a.sst"), new byte[bytes]);
        await SaveAsync(await _nodes.SaveAsync(1, 100, 7, s_files));
        Assert.That(await ProblemsAsync(), Is.Empty);
    }

    [Test]
    public void One_at_a_time_saves_to_a_place()
    {
        using (var first = SnapshotBackup.TryBegin(Target))
        {
            Assert.That(first, Is.Not.Null);
            Assert.That(SnapshotBackup.TryBegin(Target), Is.Null);
        }

        using var later = SnapshotBackup.TryBegin(Target);
        Assert.That(later, Is.Not.Null);
    }

    [Test]
    public async Task All_that_is_damaged_is_named()
    {
        _nodes.Start(1);
        await SaveAsync(await _nodes.SaveAsync(1, 100, 7, s_files));
        var state = Path.Combine(Target, "state");
        Flip(Path.Combine(state, "a.sst"), 70_000);
        File.Delete(Path.Combine(state, "sub", "c.sst"));
        await File.AppendAllTextAsync(Path.Combine(state, "empty"), "x");
        await File.WriteAllTextAsync(Path.Combine(state, "more"), "x");
        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"{state}/a.sst is damaged: its checksum is not that of the manifest.",
            $"{state}/empty is damaged: it has 1 bytes, not the 0 of the manifest.",
            $"{state}/sub/c.sst is missing.",
            $"{state}/more is no file of the snapshot.",
        }));
        Flip(Path.Combine(Target, "manifest"), 3);
        Flip(Path.Combine(Target, "origin"), 30);
        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"{Target}/origin is damaged, or of a later version.", $"{Target}/manifest is damaged." }));
        File.Delete(Path.Combine(Target, "origin"));
        File.Delete(Path.Combine(Target, "manifest"));
        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"{Target}/manifest is missing." }));
    }

    [Test]
    public async Task The_files_of_another_snapshot_do_not_pass_for_those_of_the_origin()
    {
        _nodes.Start(1);
        await SaveAsync(await _nodes.SaveAsync(1, 100, 7, s_files));
        var origin = await File.ReadAllBytesAsync(Path.Combine(Target, "origin"));
        Directory.Delete(Target, recursive: true);
        await SaveAsync(await _nodes.SaveAsync(1, 200, 8, s_files));
        Assert.That(await ProblemsAsync(), Is.Empty);
        await File.WriteAllBytesAsync(Path.Combine(Target, "origin"), origin);
        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"{Target}/manifest is of another snapshot than {Target}/origin." }));
    }

    [Test]
    public void No_byte_of_an_origin_can_change_unnoticed()
    {
        var text = s_origin.Format();
        Assert.That(SnapshotOrigin.Parse(text), Is.EqualTo(s_origin));
        for (var i = 0; i < text.Length; i++)
        {
            var other = text.ToCharArray();
            other[i] ^= (char)1;
            Assert.That(SnapshotOrigin.Parse(new string(other)), Is.Null, $"at {i}");
            Assert.That(SnapshotOrigin.Parse(text[..i]), Is.Null, $"cut to {i}");
        }
    }

    [Test]
    public async Task A_snapshot_put_into_a_replicas_directory_is_its_own_and_is_listed()
    {
        _nodes.Start(1);
        await SaveAsync(await _nodes.SaveAsync(1, 100, 7, s_files));
        var saved = SavedSnapshot.Open(Target);
        var place = new DirectorySnapshots(_nodes.DirectoryOf(3));
        var own = await place.PutAsync(3, 100, saved.State, saved.Manifest!, default);
        Assert.That(own, Is.EqualTo(new SnapshotInfo(100, 3)));
        Assert.That(await place.ListAsync(default), Is.EqualTo(new[] { own }));
        var state = await place.FetchAsync(own, default);

        // Once more: it is there. Damaged, it is put there anew.
        Assert.That(await place.PutAsync(3, 100, saved.State, saved.Manifest!, default), Is.EqualTo(own));
        Flip(Path.Combine(state, "a.sst"), 9);
        await place.PutAsync(3, 100, saved.State, saved.Manifest!, default);
        await place.FetchAsync(own, default);

        // A file that changes while it is copied must not be taken for the snapshot's.
        Flip(Path.Combine(saved.State, "a.sst"), 9);
        var other = new DirectorySnapshots(_nodes.DirectoryOf(4));
        Assert.That(async () => await other.PutAsync(4, 100, saved.State, saved.Manifest!, default), Throws.TypeOf<InvalidDataException>().With.Message.Contains("a.sst is damaged"));
        Assert.That(await other.ListAsync(default), Is.Empty);
    }

    private async Task SaveAsync(SnapshotInfo snapshot, Action<long, long>? progress = null)
    {
        using var backup = SnapshotBackup.TryBegin(Target) ?? throw new InvalidOperationException("another one saves there");
        await using var connection = await Connector.ConnectAsync(_nodes[1].EndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
        await new SnapshotCopy(backup.Directory, snapshot, progress).FromAsync(new SnapshotPeer(connection, SnapshotNode.Log, new PeerSnapshotsOptions { ChunkBytes = Chunk, Window = 1 }), default);
        backup.Commit(s_origin);
    }

    private async Task<IReadOnlyList<string>> ProblemsAsync() => await SavedSnapshot.Open(Target).CheckAsync(static _ => { }, default);

    private static void Flip(string path, int at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
