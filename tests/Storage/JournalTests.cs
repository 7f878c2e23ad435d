using System.Text;
using Delos.Daemon.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Storage;

public class JournalTests
{
    private readonly List<string> _replayed = [];
    private string _directory = "";
    private GroupCommit? _group;
    private Journal? _journal;

    private GroupCommit Group => _group!;

    private Journal Journal => _journal!;

    [SetUp]
    public void Open()
    {
        if (_directory.Length == 0) _directory = Path.Combine(Path.GetTempPath(), "delos-journal-" + Guid.NewGuid().ToString("n"));
        _group = new GroupCommit(StorageHarness.Small, NullLogger.Instance, TimeProvider.System);
        _replayed.Clear();
        try
        {
            _journal = Journal.Open(_directory, Group, r => _replayed.Add($"{r.Kind}:{Encoding.UTF8.GetString(r.Payload.Span)}"));
        }
        catch
        {
            _group.Dispose();
            _group = null;
            throw;
        }
    }

    [TearDown]
    public async Task Delete()
    {
        await Close();
        Directory.Delete(_directory, recursive: true);
        _directory = "";
    }

    [Test]
    public async Task Records_are_replayed_in_order_over_restarts()
    {
        await Append("a", "b");
        await Reopen();
        Assert.That(_replayed, Is.EqualTo(new[] { "1:a", "1:b" }));
        await Append("c");
        await Reopen();
        Assert.That(_replayed, Is.EqualTo(new[] { "1:a", "1:b", "1:c" }));
    }

    [Test]
    public async Task A_rewrite_replaces_everything_and_appends_go_on()
    {
        for (var i = 0; i < 2000; i++) Journal.TryAppend(1, Encoding.UTF8.GetBytes($"record {i} of many"), false, out _);
        Assert.That(Journal.WantsRewrite);
        Journal.Rewrite([new JournalRecord(9, "snapshot"u8.ToArray())]);
        Assert.That(Journal.WantsRewrite, Is.False);
        await Append("after");
        StorageHarness.Until(() => Directory.GetDirectories(_directory).Length == 1, "old generations deleted");
        await Reopen();
        Assert.That(_replayed, Is.EqualTo(new[] { "9:snapshot", "1:after" }));
        Journal.Rewrite([new JournalRecord(9, "second"u8.ToArray())]);
        await Reopen();
        Assert.That(_replayed, Is.EqualTo(new[] { "9:second" }));
    }

    [Test]
    public async Task A_rewrite_of_more_than_a_file_is_whole()
    {
        var big = new byte[10_000];
        Journal.Rewrite(Enumerable.Range(0, 200).Select(i => new JournalRecord((byte)(1 + i), big)));
        await Reopen();
        Assert.That(_replayed, Has.Count.EqualTo(200));
    }

    [Test]
    public async Task A_rewrite_that_did_not_finish_is_ignored()
    {
        await Append("a");
        await Close();
        Directory.CreateDirectory(Path.Combine(_directory, "g00000002-18-16-0123456789abcdef-b.tmp"));
        Open();
        Assert.That(_replayed, Is.EqualTo(new[] { "1:a" }));
    }

    [Test]
    public async Task Waiting_for_an_address_ends_when_it_is_durable()
    {
        var waits = new List<Task>();
        for (var i = 0; i < 1000; i++)
        {
            Assert.That(Journal.TryAppend(1, "x"u8, false, out var address), Is.EqualTo(AppendStatus.Ok));
            waits.Add(Journal.WhenDurable(address).AsTask());
        }

        await Task.WhenAll(waits).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task A_torn_tail_is_cut_and_damage_in_the_middle_refuses_to_start()
    {
        await Append("first", "second", "third");
        var copy = _directory + "-copy";
        Copy(copy);
        await Close();
        (_directory, var original) = (copy, _directory);
        var file = Directory.EnumerateFiles(copy, "*.seg", SearchOption.AllDirectories).First();
        StorageHarness.Flip(file, LogAddress.FirstLocal + 84 + 84 + 76);
        Open();
        Assert.That(_replayed, Is.EqualTo(new[] { "1:first", "1:second" }));
        await Close();
        StorageHarness.Flip(file, LogAddress.FirstLocal + 84 + 78);
        var error = Assert.Throws<StorageCorruptException>(Open)!;
        Assert.That(error.Message, Does.Contain(file));
        Assert.That(error.Offset, Is.EqualTo(LogAddress.FirstLocal + 84));
        Directory.Delete(copy, recursive: true);
        _directory = original;
    }

    [Test]
    public async Task A_generation_that_is_gone_refuses_to_start()
    {
        await Append("first");
        await Reopen();
        await Append("second");
        await Reopen();
        await Append("third");
        await Close();
        var generations = Directory.GetDirectories(_directory).Order(StringComparer.Ordinal).ToArray();
        Assert.That(generations, Has.Length.EqualTo(3));
        var kept = _directory + "-kept";
        Directory.Move(generations[0], kept);
        var error = Assert.Throws<StorageCorruptException>(Open);
        Assert.That(error?.File, Does.StartWith(generations[1]));
        Directory.Move(kept, generations[0]);
        Open();
        Assert.That(_replayed, Is.EqualTo(new[] { "1:first", "1:second", "1:third" }));
    }

    [Test]
    public async Task Generations_behind_a_rewrite_do_not_miss_those_that_it_removed()
    {
        await Append("first");
        await Reopen();
        Journal.Rewrite([new JournalRecord(9, "snapshot"u8.ToArray())]);
        await Append("second");
        await Reopen();
        await Append("third");
        await Reopen();
        Assert.That(_replayed, Is.EqualTo(new[] { "9:snapshot", "1:second", "1:third" }));
    }

    [Test]
    public void A_failed_disk_fails_those_who_wait()
    {
        Group.Fail(new IOException("broken"));
        Assert.That(Journal.TryAppend(1, "x"u8, false, out _), Is.EqualTo(AppendStatus.Failed));
        Assert.ThrowsAsync<IOException>(async () => await Journal.WhenDurable(long.MaxValue));
    }

    private async Task Append(params string[] payloads)
    {
        long address = 0;
        foreach (var payload in payloads) Assert.That(Journal.TryAppend(1, Encoding.UTF8.GetBytes(payload), false, out address), Is.EqualTo(AppendStatus.Ok));
        await Journal.WhenDurable(address);
    }

    private async Task Reopen()
    {
        await Close();
        Open();
    }

    private async Task Close()
    {
        if (_journal is not null) await _journal.DisposeAsync();
        _journal = null;
        _group?.Dispose();
        _group = null;
    }

    private void Copy(string to)
    {
        foreach (var path in Directory.EnumerateFiles(_directory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(_directory, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }
}
