using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>Files that are not what RocksDB wrote: said at once, never taken for an empty store or the end of a scan.</summary>
[TestFixture]
public class RocksDamageTests
{
    private string _directory = "";
    private RocksStoreFactory _factory = null!;

    private string StoreDirectory => Path.Combine(_directory, "store");

    private string Checkpoint => Path.Combine(_directory, "checkpoint");

    [SetUp]
    public async Task MakeStore()
    {
        _directory = Directory.CreateTempSubdirectory("delos-damage-").FullName;
        _factory = new RocksStoreFactory(new RocksStoreOptions { Directory = StoreDirectory });
        using var store = _factory.Open();
        Fill(store, "v");
        await store.FlushAsync(default);
        await store.CheckpointAsync(Checkpoint, default);
    }

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    public enum Damage
    {
        CurrentIsMissing,
        CurrentIsGarbage,
        ManifestIsMissing,
        ManifestIsGarbage,
        TableIsMissing,
        TableIsCut,
    }

    [Test]
    public async Task A_damaged_store_is_not_opened_and_can_be_replaced([Values] Damage damage)
    {
        Do(damage, StoreDirectory);
        Assert.That(_factory.Open, Throws.TypeOf<InvalidDataException>().With.Message.Contains($"The store in '{StoreDirectory}'").And.Message.Contains("restored from a checkpoint"));

        // The checkpoint shared its tables: a cut one is cut there, too.
        if (damage == Damage.TableIsCut) return;
        await _factory.RestoreAsync(Checkpoint, default);
        using var store = _factory.Open();
        using var snapshot = store.Snapshot();
        Assert.That(snapshot.Pairs(StoreSpace.Data), Has.Count.EqualTo(1000));
    }

    [Test]
    public void A_damaged_checkpoint_replaces_nothing([Values] Damage damage)
    {
        using (var store = _factory.Open()) Fill(store, "w");
        if (damage == Damage.TableIsCut) Unshare(Checkpoint);
        Do(damage, Checkpoint);
        Assert.That(async () => await _factory.RestoreAsync(Checkpoint, default), Throws.TypeOf<InvalidDataException>().With.Message.Contains(Checkpoint));
        using var left = _factory.Open();
        using var snapshot = left.Snapshot();
        Assert.That(snapshot.GetText("0000"), Does.StartWith("w"));
        Assert.That(Directory.EnumerateDirectories(_directory).Select(Path.GetFileName), Is.EquivalentTo(new[] { "store", "checkpoint" }));
    }

    [Test]
    public void A_block_with_a_wrong_checksum_is_an_error_not_the_end([Values] bool reverse)
    {
        var table = Directory.EnumerateFiles(StoreDirectory, "*.sst").Single();
        var bytes = File.ReadAllBytes(table);
        bytes[bytes.Length / 2] ^= 0x40;
        File.WriteAllBytes(table, bytes);
        using var store = _factory.Open();
        using var snapshot = store.Snapshot();
        Assert.That(() => snapshot.Pairs(StoreSpace.Data, reverse: reverse), Throws.TypeOf<StoreException>().With.Property(nameof(StoreException.IsCorruption)).True.And.Message.Contains("checksum mismatch"));
        using var transaction = store.Begin();
        transaction.PutText("zzzz", "after");
        Assert.That(() => transaction.Pairs(StoreSpace.Data, reverse: reverse), Throws.TypeOf<StoreException>());
        Assert.That(() => Enumerable.Range(0, 1000).Select(i => snapshot.GetText($"{i:D4}")).ToList(), Throws.TypeOf<StoreException>().With.Property(nameof(StoreException.IsCorruption)).True);
        Assert.That(() => Enumerable.Range(0, 1000).Select(i => transaction.GetText($"{i:D4}")).ToList(), Throws.TypeOf<StoreException>().With.Property(nameof(StoreException.IsCorruption)).True);
    }

    private static void Fill(ILocalStore store, string letter)
    {
        using var transaction = store.Begin();
        var random = new Random(1);
        for (var i = 0; i < 1000; i++) transaction.PutText($"{i:D4}", $"{letter}{random.NextInt64()}{random.NextInt64()}");
        transaction.Commit();
    }

    private static void Do(Damage damage, string directory)
    {
        var pattern = $"{damage}".StartsWith("Current", StringComparison.Ordinal) ? "CURRENT" : $"{damage}".StartsWith("Manifest", StringComparison.Ordinal) ? "MANIFEST-*" : "*.sst";
        var paths = Directory.GetFiles(directory, pattern);
        Assert.That(paths, Is.Not.Empty);
        foreach (var path in paths)
        {
            if ($"{damage}".EndsWith("Missing", StringComparison.Ordinal)) File.Delete(path);
            else if (damage == Damage.TableIsCut) File.WriteAllBytes(path, File.ReadAllBytes(path)[..^100]);
            else File.WriteAllBytes(path, File.ReadAllBytes(path).Select(static (b, i) => (byte)(b ^ i + 1)).ToArray());
        }
    }

    private static void Unshare(string directory)
    {
        foreach (var path in Directory.GetFiles(directory))
        {
            var bytes = File.ReadAllBytes(path);
            File.Delete(path);
            File.WriteAllBytes(path, bytes);
        }
    }
}
