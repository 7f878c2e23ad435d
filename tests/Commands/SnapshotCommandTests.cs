using System.Globalization;
using System.Text.Json;
using Delos.Daemon.Commands;
using Delos.Daemon.Node;
using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Delos.Protocol.Identity;
using Delos.Runtime;

namespace Delos.Tests.Commands;

/// <summary><c>delosd snapshot verify</c> and <c>restore</c>, which need no cluster.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class SnapshotCommandTests
{
    private static readonly Guid s_cluster = new("11111111-2222-3333-4444-555555555555");

    private readonly string _directory = Directory.CreateTempSubdirectory("delos-snapshot-").FullName;

    private string Saved => Path.Combine(_directory, "saved");

    private string Data => Path.Combine(_directory, "data");

    private string Table => Path.Combine(Data, "table");

    [TearDown]
    public void End() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task Verify_ends_with_1_if_a_byte_is_damaged_and_says_which_file_has_it()
    {
        var file = await MakeAsync();
        var (code, output, _) = await RunAsync("verify", Saved);
        Assert.That((code, output), Is.EqualTo((0, $"whole: log 'tables' of cluster {s_cluster} up to position 100, saved at 2026-01-31 12:00:00Z, 2 files, 100005 bytes\n")));
        Damage(file);
        (code, output, _) = await RunAsync("verify", Saved);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(output, Does.StartWith($"{file} is damaged: its checksum is not that of the manifest.\ndamaged: "));
        (code, output, _) = await RunAsync("verify", Saved, "-o", "json");
        using var json = JsonDocument.Parse(output);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("whole").GetBoolean(), Is.False);
        Assert.That(json.RootElement.GetProperty("cursor").GetInt64(), Is.EqualTo(100));
        Assert.That(json.RootElement.GetProperty("problems")[0].GetString(), Does.StartWith(file));
    }

    [Test]
    public async Task A_replicas_own_snapshot_can_be_verified_too()
    {
        await MakeAsync();
        File.Delete(Path.Combine(Saved, "origin"));
        var (code, output, _) = await RunAsync("verify", Saved);
        Assert.That((code, output), Is.EqualTo((0, "whole: a snapshot without origin, 2 files, 100005 bytes\n")));
    }

    [Test]
    public async Task Verify_of_what_is_not_there_ends_with_5_and_of_something_else_with_1()
    {
        Assert.That((await RunAsync("verify", Saved)).Code, Is.EqualTo(5));
        Assert.That((await RunAsync("verify", _directory)).Code, Is.EqualTo(1));
    }

    [Test]
    public async Task Save_does_not_touch_what_is_there()
    {
        await MakeAsync();
        Assert.That((await RunAsync("save", Saved, "--endpoints", "delos://127.0.0.1:1", "--timeout", "1s")).Code, Is.EqualTo(6));
        var (code, _, error) = await RunAsync("save", Path.Combine(_directory, "other"), "--endpoints", "delos://127.0.0.1:1", "--timeout", "1s");
        Assert.That(code, Is.EqualTo(4), error);
        Assert.That(Directory.EnumerateFileSystemEntries(_directory), Has.Exactly(1).Items, "nothing was begun");
    }

    [Test]
    public async Task Restore_refuses_what_would_be_wrong_and_leaves_the_node_as_it_is()
    {
        var file = await MakeAsync();
        await RefusedAsync(6, "has no identity");
        NewNode(Guid.NewGuid());
        await RefusedAsync(6, $"the snapshot is of cluster {s_cluster}, the node of cluster");
        Directory.Delete(Data, recursive: true);
        NewNode(s_cluster);
        await RefusedAsync(6, "the snapshot is of log 'tables', the node's tables are in log 'other'", "--set", "table.log=other");
        await RefusedAsync(6, "node 2 has no role table", "--set", "roles.table=false");
        using (DataDirectory.Open(Data)) await RefusedAsync(6, "is in use by another delosd; stop the node first");
        Directory.CreateDirectory(Path.Combine(Table, "store"));
        await File.WriteAllTextAsync(Path.Combine(Table, "store", "CURRENT"), "a state");
        await RefusedAsync(6, "--discard-store throws it away");
        Damage(file);
        await RefusedAsync(1, $"the snapshot is damaged: {file}");
        Damage(file);
        File.Delete(Path.Combine(Saved, "origin"));
        await RefusedAsync(6, "has no file 'origin'");
        Assert.That(await File.ReadAllTextAsync(Path.Combine(Table, "store", "CURRENT")), Is.EqualTo("a state"));
        Assert.That(Directory.Exists(Path.Combine(Table, "snapshots")), Is.False);
    }

    [Test]
    public async Task Restore_does_not_take_files_that_are_no_store()
    {
        await MakeAsync();
        NewNode(s_cluster);
        var (code, _, error) = await RestoreAsync();
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain("the cluster does not answer, so it is not known").And.Contain("There is no checkpoint in"));
        Assert.That(Directory.Exists(Path.Combine(Table, "store")), Is.False);
    }

    /// <summary>A saved snapshot, of files that are no store's.</summary>
    /// <returns>One of them.</returns>
    private async Task<string> MakeAsync()
    {
        var state = Directory.CreateDirectory(Path.Combine(Saved, "state")).FullName;
        var bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);
        await File.WriteAllBytesAsync(Path.Combine(state, "a.sst"), bytes);
        await File.WriteAllTextAsync(Path.Combine(state, "notes"), "notes");
        (await SnapshotManifest.ComputeAsync(state, default)).Write(Saved);
        var crc = Delos.Protocol.Entries.Crc32C.Compute(await File.ReadAllBytesAsync(SnapshotManifest.PathIn(Saved)));
        new SnapshotOrigin(s_cluster, "tables", new SnapshotInfo(100, 1), DateTimeOffset.Parse("2026-01-31T12:00:00Z", CultureInfo.InvariantCulture), crc).Write(Saved);
        return Path.Combine(state, "a.sst");
    }

    private void NewNode(Guid cluster)
    {
        Directory.CreateDirectory(Data);
        IdentityFile.Create(Data, new NodeIdentity(cluster, 2, Guid.NewGuid()), isReplacement: false);
    }

    private async Task RefusedAsync(int code, string reason, params string[] more)
    {
        Directory.CreateDirectory(Data);
        var (ended, output, error) = await RestoreAsync(more);
        Assert.That((ended, output), Is.EqualTo((code, "")), error);
        Assert.That(error, Does.Contain(reason));
    }

    private Task<(int Code, string Output, string Error)> RestoreAsync(params string[] more) => RunAsync(
        ["restore", Saved, "--timeout", "100ms", "--set", "node.id=2", "--set", $"node.data={Data}", "--set", "node.listen=127.0.0.1:1", "--set", "cluster.metastore=127.0.0.1:1", "--set", "roles.table=true", .. more]);

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.InvokeAsync(["snapshot", .. arguments], output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static void Damage(string file)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[77_777] ^= 4;
        File.WriteAllBytes(file, bytes);
    }
}
