using System.Text;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Protocol.Entries;

namespace Delos.Tests.VirtualLogs;

/// <summary>An operator patches or deletes one entry: it keeps its position and append id, and nothing else changes.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class EditEntryTests
{
    private readonly MemoryCluster _cluster = new();

    [TearDown]
    public async Task EndAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task Readers_see_the_patch_and_not_what_was_deleted()
    {
        await FillAsync();
        var before = await _cluster.ContentsAsync("log");
        await _cluster.Client().Admin.EditEntryAsync("log", 3, EntryEdit.Replace("patched"u8.ToArray()));
        await _cluster.Client().Admin.EditEntryAsync("log", 5, EntryEdit.Delete);
        var after = await _cluster.ContentsAsync("log");
        Assert.That(after.Select(e => (e.Position, e.Id)), Is.EqualTo(before.Select(e => (e.Position, e.Id))));
        Assert.That(await ReadAsync(LogOptions.Default), Is.EqualTo(new[] { "0:e0", "1:e1", "2:e2", "3:patched", "4:e4", "6:e6", "7:e7", "8:e8", "9:e9" }));
        Assert.That((await ReadAsync(LogOptions.Default with { ShowDeleted = true }))[5], Is.EqualTo("5:"));

        // What was deleted may be written anew.
        await _cluster.Client().Admin.EditEntryAsync("log", 5, EntryEdit.Replace("back"u8.ToArray()));
        Assert.That((await ReadAsync(LogOptions.Default))[5], Is.EqualTo("5:back"));
    }

    [Test]
    public async Task The_active_segment_is_given_a_successor_first()
    {
        await FillAsync();
        var result = await _cluster.Client().Admin.EditEntryAsync("log", 9, EntryEdit.Delete, "poison");
        Assert.That(result.Won);
        Assert.That(result.Chain.Segments.Select(s => (s.Start, s.Stop)), Is.EqualTo(new (long, long?)[] { (0, 10), (10, null) }));
        Assert.That(result.Chain.History[^1].Reason, Is.EqualTo("poison"));
        Assert.That(await _cluster.Client().Log("log").AppendAsync("next"u8.ToArray()), Is.EqualTo(10));
    }

    [Test]
    public async Task Only_an_entry_that_is_there_can_be_edited()
    {
        await FillAsync();
        var admin = _cluster.Client().Admin;
        Assert.That(async () => await admin.EditEntryAsync("log", 10, EntryEdit.Delete), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.NotFound));
        Assert.That((await _cluster.ChainAsync("log")).Version, Is.EqualTo(1), "nothing was done for it");
        Assert.That(async () => await admin.EditEntryAsync("log", 3, EntryEdit.Replace(new byte[2 << 20])), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.LimitExceeded));
        await admin.ReconfigExtendAsync("log");

        var first = (await _cluster.ChainAsync("log")).Segments[0].Loglet.Id;
        var outside = new ReconfigModifyOptions { Edits = new Dictionary<long, EntryEdit> { [10] = EntryEdit.Delete } };
        Assert.That(async () => await admin.ReconfigModifyAsync("log", first, outside), Throws.TypeOf<DelosException>().With.Message.Contains("not in the segment [0, 10)"));
    }

    [Test]
    [Category("Trap17")]
    public async Task An_append_whose_entry_was_edited_is_still_known_to_be_in_the_log()
    {
        await FillAsync();
        await _cluster.Client().Admin.EditEntryAsync("log", 4, EntryEdit.Delete);
        var ids = (await _cluster.ContentsAsync("log")).Where(e => e.Position == 4).Select(e => e.Id).ToList();
        Assert.That(ids, Has.Count.EqualTo(1));
        Assert.That(ids[0], Is.Not.EqualTo(default(AppendId)));
    }

    private async Task FillAsync()
    {
        var log = _cluster.Client().Log("log");
        for (var i = 0; i < 10; i++) await log.AppendAsync(Encoding.UTF8.GetBytes($"e{i}"));
    }

    private async Task<List<string>> ReadAsync(LogOptions options)
    {
        await using var log = _cluster.Client().OpenLog("log", options);
        var entries = new List<string>();
        await foreach (var entry in log.ReadAsync(0)) entries.Add($"{entry.Position}:{Encoding.UTF8.GetString(entry.Payload.Span)}");
        return entries;
    }
}
