using Delos.Daemon.Tables;
using Delos.Tables;

namespace Delos.Tests.TableService;

/// <summary>Watches that wait for a commit.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WatchListTests
{
    private readonly WatchList<int> _watches = new();

    [Test]
    public void A_commit_wakes_the_watches_of_the_tables_that_it_changed()
    {
        foreach (var (table, watch) in (ReadOnlySpan<(string, int)>)[("a", 1), ("b", 2), ("a", 3), ("c", 4)]) Assert.That(_watches.TryAdd(table, watch, _watches.Commits), Is.True);
        Assert.That(_watches.OnCommitted(Changed()), Is.Null);
        Assert.That(_watches.OnCommitted(Changed("x")), Is.Null);
        Assert.That(_watches.OnCommitted(Changed("a", "c", "x")), Is.EquivalentTo(new[] { 1, 3, 4 }));
        Assert.That(_watches.OnCommitted(Changed("a")), Is.Null, "once");
        Assert.That(_watches.OnCommitted(Changed("b")), Is.EqualTo(new[] { 2 }));
    }

    [Test]
    public void One_that_may_change_any_table_wakes_all()
    {
        _watches.TryAdd("a", 1, _watches.Commits);
        _watches.TryAdd("b", 2, _watches.Commits);
        var changed = Changed("x");
        changed.AddAll();
        Assert.That(_watches.OnCommitted(changed), Is.EquivalentTo(new[] { 1, 2 }));
    }

    [Test]
    public void A_watch_that_looked_before_a_change_of_its_table_looks_again()
    {
        var noted = _watches.Commits;
        _watches.OnCommitted(Changed("a"));
        _watches.OnCommitted(Changed("b"));
        Assert.That(_watches.TryAdd("a", 1, noted), Is.False);
        Assert.That(_watches.TryAdd("c", 2, noted), Is.True, "its table has not changed");
        Assert.That(_watches.TryAdd("a", 1, _watches.Commits), Is.True);

        noted = _watches.Commits;
        var changed = Changed();
        changed.AddAll();
        _watches.OnCommitted(changed);
        Assert.That(_watches.TryAdd("z", 3, noted), Is.False, "any table may have changed");
    }

    [Test]
    public void What_is_remembered_is_bounded_and_nobody_sleeps_through_a_change_for_it()
    {
        var noted = _watches.Commits;
        _watches.OnCommitted(Changed("a"));
        for (var i = 0; i < WatchList<int>.MostRemembered; i++) _watches.OnCommitted(Changed($"t{i}"));
        Assert.That(_watches.TryAdd("a", 1, noted), Is.False);
        Assert.That(_watches.TryAdd("a", 1, _watches.Commits), Is.True);
    }

    [Test]
    public void Those_whose_time_is_over_are_taken_from_it()
    {
        for (var i = 0; i < 6; i++) _watches.TryAdd(i < 3 ? "a" : "b", i, _watches.Commits);
        Assert.That(_watches.Take(static w => w is 0 or >= 3), Is.EquivalentTo(new[] { 0, 3, 4, 5 }));
        Assert.That(_watches.OnCommitted(Changed("a", "b")), Is.EqualTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task Under_a_stream_of_commits_every_change_is_seen()
    {
        // The state: one number per table, written before its commit is announced.
        string[] tables = ["a", "b", "c"];
        var state = new long[tables.Length];
        var seen = new long[tables.Length];
        const long last = 20_000;
        var allSeen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < tables.Length; i++) Look(i);
        await Task.Run(() =>
        {
            var changed = new ChangedTables();
            for (var n = 1L; n <= last; n++)
            {
                var table = (int)(n % tables.Length);
                Volatile.Write(ref state[table], n);
                changed.Clear();
                changed.Add(tables[table]);
                if (_watches.OnCommitted(changed) is not { } woken) continue;
                foreach (var watch in woken) ThreadPool.UnsafeQueueUserWorkItem(Look, watch, preferLocal: false);
            }
        });
        await allSeen.Task.WaitAsync(TimeSpan.FromSeconds(30));

        void Look(int table)
        {
            while (true)
            {
                var noted = _watches.Commits;
                Volatile.Write(ref seen[table], Volatile.Read(ref state[table]));
                if (Enumerable.Range(0, tables.Length).All(t => Volatile.Read(ref seen[t]) > last - tables.Length)) allSeen.TrySetResult();
                if (_watches.TryAdd(tables[table], table, noted)) return;
            }
        }
    }

    private static ChangedTables Changed(params ReadOnlySpan<string> tables)
    {
        var changed = new ChangedTables();
        foreach (var table in tables) changed.Add(table);
        return changed;
    }
}
