namespace Delos.Tests.LocalStorage;

public abstract partial class StoreConformance
{
    [Test]
    public void A_store_that_was_closed_is_as_it_was_when_it_is_opened_again()
    {
        _store.Commit(("a", "1"), ("b", "1"));
        _store.Commit(("a", "2"));
        Reopen();
        Assert.That(_store.List(), Is.EqualTo("a=2 b=1"));
    }

    [Test]
    public async Task What_was_flushed_survives_a_crash()
    {
        _store.Commit(("a", "1"), ("b", "1"));
        await _store.FlushAsync(default);
        _store.Commit(("a", "2"), ("c", "2"));
        var factory = Crash(_factory, _store);
        _store.Dispose();
        _store = factory.Open();
        Assert.That(_store.List(), Is.EqualTo("a=1 b=1").Or.EqualTo("a=2 b=1 c=2"));
    }

    [Test]
    public async Task A_flush_of_nothing_is_nothing()
    {
        await _store.FlushAsync(default);
        _store.Commit(("a", "1"));
        await _store.FlushAsync(default);
        await _store.FlushAsync(default);
        Assert.That(_store.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public async Task A_checkpoint_holds_all_commits_before_it_though_nobody_flushed_them()
    {
        _store.Commit(("a", "1"), ("b", "1"));
        await _store.FlushAsync(default);
        _store.Commit(("b", "2"), ("c", "2"));
        var checkpoint = Path.Combine(_directory, "checkpoints", "first");
        await _store.CheckpointAsync(checkpoint + Path.DirectorySeparatorChar, default);
        _store.Commit(("a", "3"), ("d", "3"));
        Assert.That(_store.List(), Is.EqualTo("a=3 b=2 c=2 d=3"));
        Assert.That(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(checkpoint)!), Is.EqualTo(new[] { checkpoint }));

        var other = CreateFactory("other");
        await other.RestoreAsync(checkpoint, default);
        using var restored = other.Open();
        Assert.That(restored.List(), Is.EqualTo("a=1 b=2 c=2"));
    }

    [Test]
    public async Task A_checkpoint_takes_the_place_of_what_is_there_and_stays_as_it_is()
    {
        _store.Commit(("a", "1"));
        var checkpoint = Path.Combine(_directory, "checkpoint");
        await _store.CheckpointAsync(checkpoint, default);
        for (var round = 0; round < 2; round++)
        {
            _store.Commit(("a", "2"), ("b", $"{round}"));
            await _store.FlushAsync(default);
            _store.Dispose();
            await _factory.RestoreAsync(checkpoint, default);
            _store = _factory.Open();
            Assert.That(_store.List(), Is.EqualTo("a=1"));
        }

        Reopen();
        Assert.That(_store.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public async Task What_was_restored_survives_a_crash()
    {
        _store.Commit(("a", "1"));
        var checkpoint = Path.Combine(_directory, "checkpoint");
        await _store.CheckpointAsync(checkpoint, default);
        _store.Dispose();
        await _factory.RestoreAsync(checkpoint, default);
        Directory.Delete(checkpoint, recursive: true);
        _store = _factory.Open();
        var factory = Crash(_factory, _store);
        _store.Dispose();
        _store = factory.Open();
        Assert.That(_store.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public async Task A_checkpoint_of_an_empty_store_is_empty()
    {
        var checkpoint = Path.Combine(_directory, "checkpoint");
        await _store.CheckpointAsync(checkpoint, default);
        _store.Commit(("a", "1"));
        _store.Dispose();
        await _factory.RestoreAsync(checkpoint, default);
        _store = _factory.Open();
        Assert.That(_store.List(), Is.Empty);
    }

    [Test]
    public void A_checkpoint_does_not_overwrite_a_directory()
    {
        var checkpoint = Directory.CreateDirectory(Path.Combine(_directory, "checkpoint")).FullName;
        Assert.That(async () => await _store.CheckpointAsync(checkpoint, default), Throws.InstanceOf<IOException>());
        Assert.That(Directory.EnumerateFileSystemEntries(checkpoint), Is.Empty);
    }

    [Test]
    public void Where_there_is_no_checkpoint_nothing_is_restored()
    {
        _store.Commit(("a", "1"));
        _store.Dispose();
        var nothing = Directory.CreateDirectory(Path.Combine(_directory, "nothing")).FullName;
        Assert.That(async () => await _factory.RestoreAsync(nothing, default), Throws.TypeOf<InvalidDataException>());
        Assert.That(async () => await _factory.RestoreAsync(Path.Combine(_directory, "nowhere"), default), Throws.TypeOf<InvalidDataException>());
        _store = _factory.Open();
        Assert.That(_store.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public async Task A_cleared_store_is_empty()
    {
        _store.Commit(("a", "1"));
        await _store.FlushAsync(default);
        _store.Dispose();
        await _factory.ClearAsync(default);
        await _factory.ClearAsync(default);
        _store = _factory.Open();
        Assert.That(_store.List(), Is.Empty);
    }

    private void Reopen()
    {
        _store.Dispose();
        _store = _factory.Open();
    }
}
